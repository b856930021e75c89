import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from genemamba.atlas.cells import row_kernels
from genemamba.atlas.cells.hashing import hash_cells
from genemamba.atlas.cells.quality import measure_block
from genemamba.atlas.genes.column_map import ColumnMap
from genemamba.atlas.ingest.block_survey import survey_block
from genemamba.atlas.sources.matrices import CsrParts


def random_rows(seed, *, n_vars, dtype):
    rng = np.random.default_rng(seed)
    dense = rng.poisson(0.8, size=(7, n_vars)) * rng.integers(1, 300, size=(7, n_vars))
    return csr_matrix(dense.astype(dtype)), dense, rng


def place(counts, columns, dtype="f8"):
    parts = (counts.indptr.astype("i8"), counts.indices, counts.data)
    placed = CsrParts(
        np.empty_like(parts[0]), np.empty(counts.nnz, "i4"), np.empty(counts.nnz, dtype)
    )
    done = row_kernels.place_rows(*parts, columns, len(columns), *placed)
    end = placed.indptr[-1] if done else 0
    return done, CsrParts(placed.indptr, placed.indices[:end], placed.data[:end])


@given(
    seed=st.integers(0, 10_000),
    n_vars=st.integers(1, 30),
    n_moved=st.integers(0, 30),
    dtype=st.sampled_from(["f4", "f8", "i4"]),
)
def test_rows_are_moved_sorted_and_added_up_as_dense_ones_are(seed, n_vars, n_moved, dtype):
    counts, dense, rng = random_rows(seed, n_vars=n_vars, dtype=dtype)
    columns = np.arange(n_vars, dtype="i4")
    moved = rng.integers(0, n_vars, n_moved)
    columns[moved] = rng.integers(-1, n_vars, n_moved)
    expected = np.zeros_like(dense)
    for gene, column in enumerate(columns):
        if column >= 0:
            expected[:, column] += dense[:, gene]

    done, placed = place(counts, columns)

    assert done
    result = csr_matrix((placed.data, placed.indices, placed.indptr), shape=dense.shape)
    assert result.has_canonical_format
    np.testing.assert_array_equal(result.toarray(), expected)


@pytest.mark.parametrize(
    ("indices", "data"),
    [
        pytest.param([1, 0], [1, 1], id="falling"),
        pytest.param([1, 1], [1, 1], id="repeated"),
        pytest.param([0, 1], [1, 0], id="stored_zero"),
        pytest.param([0, 1], [1, -2], id="negative"),
        pytest.param([0, 1], [1, 1.5], id="fraction"),
        pytest.param([0, 1], [np.nan, 1], id="nan"),
        pytest.param([0, 9], [1, 1], id="beyond"),
        pytest.param([-1, 1], [1, 1], id="below"),
    ],
)
def test_a_row_that_is_not_plain_is_left_to_the_slow_way(indices, data):
    parts = CsrParts(np.array([0, 2]), np.array(indices, "i4"), np.array(data, "f4"))
    layout = ColumnMap(
        columns=np.arange(3, dtype="i4"),
        numbers=np.arange(3, dtype="u8"),
        kinds=np.zeros(3, "u1"),
    )

    assert survey_block(parts, layout) is None


def test_infinite_counts_are_not_plain():
    parts = CsrParts(np.array([0, 1]), np.array([0], "i4"), np.array([np.inf], "f4"))
    layout = ColumnMap(columns=np.zeros(1, "i4"), numbers=np.ones(1, "u8"), kinds=np.zeros(1, "u1"))

    assert survey_block(parts, layout) is None


@given(seed=st.integers(0, 10_000))
def test_one_pass_notes_what_the_separate_ones_do(seed):
    counts, dense, rng = random_rows(seed, n_vars=40, dtype="f4")
    layout = ColumnMap(
        columns=np.arange(40, dtype="i4"),
        numbers=np.where(rng.random(40) < 0.2, 0, rng.permutation(40) + 1).astype("u8"),
        kinds=rng.integers(0, 4, 40).astype("u1"),
    )

    found = survey_block(CsrParts(counts.indptr.astype("i8"), counts.indices, counts.data), layout)

    hashed = hash_cells(counts, layout.numbers)
    np.testing.assert_array_equal(found.columns["hash"], hashed.hashes)
    np.testing.assert_array_equal(found.columns["rest"], hashed.rests)
    np.testing.assert_array_equal(found.columns["n_genes"], hashed.n_genes)
    assert found.columns["total"].tolist() == dense.sum(axis=1).tolist()
    assert found.columns["length"].tolist() == (dense > 0).sum(axis=1).tolist()
    assert found.gene_totals.tolist() == dense.sum(axis=0).tolist()
    assert found.largest == dense.max()
    for name, values in measure_block(counts, layout.kinds).items():
        np.testing.assert_array_equal(found.columns[name], values)


def test_rows_with_more_genes_out_of_order_than_fit_aside_are_sorted_whole(monkeypatch):
    n_vars = row_kernels.MAX_SPARE + 40
    dense = np.arange(1, n_vars + 1)[None, :].repeat(2, axis=0)
    counts = csr_matrix(dense.astype("f4"))
    reversed_columns = np.arange(n_vars, dtype="i4")[::-1].copy()
    layout = ColumnMap(
        columns=reversed_columns,
        numbers=np.arange(1, n_vars + 1, dtype="u8"),
        kinds=np.zeros(n_vars, "u1"),
    )
    parts = CsrParts(counts.indptr.astype("i8"), counts.indices, counts.data)

    found = survey_block(parts, layout, is_canonical=True)

    assert not place(counts, reversed_columns)[0]
    expected = hash_cells(csr_matrix(dense[:, ::-1].astype("f4")), layout.numbers)
    np.testing.assert_array_equal(found.columns["hash"], expected.hashes)
    assert found.gene_totals.tolist() == (2 * dense[0, ::-1]).tolist()
