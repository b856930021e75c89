"""The vocabulary of blocks is that of all counts, in memory that does not grow with them."""

import tracemalloc

import numpy as np
import pytest

from genemamba.tokens.vocabulary import Vocabulary
from genemamba.tokens.vocabulary_building import vocabulary_of_blocks
from tests.small_atlas import gene_ids, small_adata, small_view, wide_adata


@pytest.fixture(scope="module")
def view(tmp_path_factory):
    folder = tmp_path_factory.mktemp("atlas")
    return small_view(folder, one=small_adata(n_obs=90), two=small_adata(n_obs=51, seed=1))


@pytest.mark.parametrize("capacity", [10**6, 100], ids=["one-reading", "several"])
def test_blocks_give_the_vocabulary_of_all_counts(view, capacity):
    found = vocabulary_of_blocks(view.blocks, view.gene_ids, capacity=capacity)

    expected = Vocabulary.from_counts(view.counts(), view.gene_ids)
    assert found.gene_ids == expected.gene_ids
    np.testing.assert_array_equal(found.medians, expected.medians)
    assert found.digest == expected.digest


def test_a_gene_that_no_cell_expresses_has_no_token(tmp_path):
    adata = small_adata(n_obs=40)
    adata.X.data[adata.X.indices == 7] = 0
    adata.X.eliminate_zeros()
    view = small_view(tmp_path, one=adata)

    found = vocabulary_of_blocks(view.blocks, view.gene_ids)

    assert set(gene_ids()) - set(found.gene_ids) == {gene_ids()[7]}


def test_memory_does_not_grow_with_the_cells(tmp_path):
    view = small_view(tmp_path, one=wide_adata(n_obs=2000, genes=gene_ids(200)))
    peaks = []
    for n_times in (2, 2, 8):  # the first time numba and zarr load what they need
        blocks = [block for _ in range(n_times) for block in view.blocks()]
        tracemalloc.start()
        found = vocabulary_of_blocks(lambda blocks=blocks: blocks, view.gene_ids, capacity=20_000)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()

    expected = Vocabulary.from_counts(view.counts(), view.gene_ids)
    np.testing.assert_array_equal(found.medians, expected.medians)
    # The six more blocks hold 790,000 counts, 6 MB of them in CSR.
    assert peaks[2] - peaks[1] < 1_000_000
