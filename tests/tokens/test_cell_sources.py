"""Counts and tokens of real stores, through the loader."""

import pickle
import subprocess
import sys

import numpy as np
import pytest

from genemamba.errors import InputError, StoreError
from genemamba.tokens.cell_sources import TokenCells
from genemamba.tokens.count_cells import CountCells, cells_of_view
from genemamba.tokens.loader import CellLoader
from genemamba.tokens.loader_options import LoaderOptions
from genemamba.tokens.rank import rank_tokens
from genemamba.tokens.token_cache import ensure_token_store
from tests.small_atlas import small_adata, small_view

OPTIONS = LoaderOptions(batch_size=16, block_size=8, blocks_per_fetch=4)


def test_counts_of_all_stores_are_over_one_list_of_genes(view, counts):
    minibatches = list(CellLoader(cells_of_view(view), OPTIONS))

    assert sorted(np.concatenate([m.positions for m in minibatches]).tolist()) == list(range(205))
    for minibatch in minibatches:
        assert minibatch.cells.dtype == np.float32
        np.testing.assert_array_equal(
            minibatch.cells.toarray(), counts[minibatch.positions].toarray()
        )


def test_genes_come_in_the_order_asked_for_and_unknown_ones_are_zero(view, counts):
    genes = [view.gene_ids[7], "ENSG-OF-NO-STORE", view.gene_ids[3]]

    (source, *_) = cells_of_view(view, genes)

    expected = np.zeros((8, 3))
    expected[:, [0, 2]] = counts[:8, [7, 3]].toarray()
    np.testing.assert_array_equal(source.read([(0, 5), (5, 8)]).toarray(), expected)


def test_rows_that_a_version_leaves_out_are_never_served(view, counts):
    kept = [np.arange(1, 120, 2), None, np.array([0, 9])]
    rows = np.concatenate([np.arange(1, 120, 2), np.arange(120, 195), [195, 204]])

    minibatches = list(CellLoader(cells_of_view(view, rows=kept), OPTIONS))

    served = np.concatenate([rows[minibatch.positions] for minibatch in minibatches])
    assert sorted(served.tolist()) == rows.tolist()
    for minibatch in minibatches:
        np.testing.assert_array_equal(
            minibatch.cells.toarray(), counts[rows[minibatch.positions]].toarray()
        )


def test_tokens_are_those_of_the_whole_atlas_encoded_at_once(view, counts, vocabulary, tmp_path):
    kept = np.arange(0, 75, 3)
    sources = [
        TokenCells(
            ensure_token_store(
                entry.url, vocabulary, store_digest=entry.digest, seqlen=20, cache=tmp_path
            ),
            rows=rows,
        )
        for entry, rows in zip(view.manifest.stores, [None, kept, None], strict=True)
    ]
    rows = np.concatenate([np.arange(120), 120 + kept, np.arange(195, 205)])
    expected = rank_tokens(counts[rows], vocabulary, view.gene_ids, seqlen=20)

    minibatches = list(CellLoader(sources, OPTIONS))

    assert sum(minibatch.cells.n_obs for minibatch in minibatches) == len(rows)
    for minibatch in minibatches:
        wanted = expected.take(minibatch.positions)
        np.testing.assert_array_equal(minibatch.cells.indptr, wanted.indptr)
        np.testing.assert_array_equal(minibatch.cells.tokens, wanted.tokens)


def test_a_copy_that_travelled_between_processes_reads_the_same(view):
    (source, *_) = cells_of_view(view)
    before = source.read([(0, 9)])

    after = pickle.loads(pickle.dumps(source)).read([(0, 9)])

    np.testing.assert_array_equal(after.toarray(), before.toarray())


FORKING_READER = """
import multiprocessing, sys
from genemamba.tokens.count_cells import CountCells

source = CountCells(sys.argv[1], sys.argv[2].split(","))
source.read([(0, 9)])
child = multiprocessing.get_context("fork").Process(
    target=lambda: print(source.read([(3, 50)]).sum(), flush=True)
)
child.start()
child.join(60)
sys.exit(child.exitcode)
"""


def test_a_forked_process_opens_the_store_for_itself(view, counts):
    store = view.manifest.stores[0].url

    done = subprocess.run(
        [sys.executable, "-c", FORKING_READER, store, ",".join(view.gene_ids)],
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert (done.returncode, done.stdout) == (0, f"{counts[3:50].sum()}\n"), done.stderr


def test_a_lost_part_of_a_store_is_told(tmp_path):
    view = small_view(tmp_path, a=small_adata(n_obs=30, seed=4))
    (tmp_path / "a.zarr" / "X" / "data" / "c" / "0").unlink()
    (source,) = cells_of_view(view)

    with pytest.raises(StoreError, match=r"a shard is missing"):
        source.read([(0, 5)])


@pytest.mark.parametrize(
    "rows",
    [[1, 1], [2, 1], [0, 10], [-1, 3]],
    ids=["doubled", "out-of-order", "behind-the-end", "negative"],
)
def test_impossible_rows_are_refused(view, rows):
    with pytest.raises(InputError, match=r"Expected ascending rows from 0 to 9, each once"):
        CountCells(view.manifest.stores[2].url, view.gene_ids, rows=np.array(rows))
