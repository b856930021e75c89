import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csc_matrix, csr_matrix

from genemamba.atlas.sources.spool import RowSpool, spool_columns
from genemamba.atlas.sparse import canonical_csr, row_blocks


def test_canonical_csr_sorts_adds_up_and_drops_zeros():
    parts = np.array([1.0, 2.0, 0.0, 4.0]), np.array([2, 0, 1, 2]), np.array([0, 4])

    result = canonical_csr(csr_matrix(parts, shape=(1, 3)))

    assert (result.indices.tolist(), result.data.tolist()) == ([0, 2], [2.0, 5.0])


@given(lengths=st.lists(st.integers(0, 9), min_size=1, max_size=40), max_nnz=st.integers(1, 20))
def test_row_blocks_cover_every_cell_once_and_keep_the_bound(lengths, max_nnz):
    indptr = np.concatenate([[0], np.cumsum(lengths)])

    blocks = list(row_blocks(indptr, max_nnz=max_nnz))

    assert [row for start, stop in blocks for row in range(start, stop)] == list(
        range(len(lengths))
    )
    for start, stop in blocks:
        assert stop == start + 1 or sum(lengths[start:stop]) <= max_nnz


def test_rows_spooled_one_by_one_read_back_in_any_range(tmp_path):
    dense = np.array([[0.0, 1.5, 0.0], [0.0, 0.0, 0.0], [2.0, 0.0, np.inf]])

    with RowSpool(tmp_path / "spool", n_vars=3) as spool:
        for row in dense:
            spool.append(row)
        matrix = spool.finish()

    assert matrix.shape == (3, 3)
    np.testing.assert_array_equal(matrix.rows(1, 3).toarray(), dense[1:3])


@pytest.mark.parametrize("block", [1, 3, 100], ids=["one_column", "three_columns", "all_columns"])
def test_columns_in_blocks_give_the_matrix_by_row(tmp_path, block):
    dense = np.random.default_rng(0).poisson(0.4, size=(17, 10)).astype(float)
    columns = csc_matrix(dense)

    matrix = spool_columns(
        (columns[:, start : start + block] for start in range(0, 10, block)),
        lengths=np.count_nonzero(dense, axis=1),
        n_vars=10,
        folder=tmp_path / "spool",
    )

    np.testing.assert_array_equal(matrix.rows(0, 17).toarray(), dense)


def test_a_matrix_without_values_can_be_spooled(tmp_path):
    empty = csc_matrix((2, 3))

    matrix = spool_columns(
        iter([empty]), lengths=np.zeros(2, dtype=int), n_vars=3, folder=tmp_path / "spool"
    )

    assert matrix.rows(0, 2).toarray().tolist() == [[0, 0, 0], [0, 0, 0]]
