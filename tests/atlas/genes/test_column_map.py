"""Columns are renamed, left out and added up as a dense sum says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from genemamba.atlas.genes.column_map import ColumnMap, project_columns
from genemamba.errors import StorageError

MAP = ColumnMap(
    columns=np.array([1, -1, 0, 1], dtype=np.int32),
    numbers=np.array([7, 0], dtype=np.uint64),
    kinds=np.array([0, 3], dtype=np.uint8),
)


@given(seed=st.integers(0, 2**32 - 1), n_vars=st.integers(1, 8), n_new=st.integers(1, 8))
def test_projection_is_the_dense_sum(seed, n_vars, n_new):
    rng = np.random.default_rng(seed)
    dense = rng.poisson(0.8, (6, n_vars)).astype(np.float64)
    columns = rng.integers(-1, n_new, n_vars).astype(np.int32)
    expected = np.zeros((6, n_new))
    for old, new in enumerate(columns):
        if new >= 0:
            expected[:, new] += dense[:, old]

    found = project_columns(csr_matrix(dense), columns, n_vars=n_new)

    np.testing.assert_array_equal(found.toarray(), expected)
    assert found.nnz == np.count_nonzero(expected)
    assert all(np.all(np.diff(row.indices) > 0) for row in found)


def test_genes_in_their_order_are_not_copied():
    counts = csr_matrix(np.eye(3))

    assert project_columns(counts, np.arange(3, dtype=np.int32), n_vars=3) is counts


def test_a_map_is_spread_over_features_that_are_no_genes():
    spread = MAP.spread(np.array([0, 2, 3, 5]), n_features=7)

    assert spread.columns.tolist() == [1, -1, -1, 0, -1, 1, -1]
    assert (spread.n_vars, spread.numbers.tolist(), spread.kinds.tolist()) == (2, [7, 0], [0, 3])


def test_a_saved_map_is_loaded_as_it_was(tmp_path):
    MAP.save(tmp_path / "new")

    found = ColumnMap.load(tmp_path / "new")

    for name in ("columns", "numbers", "kinds"):
        expected = getattr(MAP, name)
        np.testing.assert_array_equal(getattr(found, name), expected)
        assert getattr(found, name).dtype == expected.dtype


def test_a_folder_that_cannot_be_written_is_a_storage_error(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(StorageError, match="Expected to write under"):
        MAP.save(tmp_path / "file")
