"""Rank encoding against a naive sort of every cell."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from genemamba.errors import CountsError, InputError, SchemaError
from genemamba.tokens import rank_encoder
from genemamba.tokens.rank import rank_tokens
from genemamba.tokens.rank_encoder import RankEncoder
from genemamba.tokens.vocabulary import Vocabulary


def naive_tokens(
    dense: np.ndarray, vocabulary: Vocabulary, genes: list[str], *, seqlen: int
) -> list[list[int]]:
    """Apply the stated rule cell by cell with Python's own sort."""
    token = {gene: i + 2 for i, gene in enumerate(vocabulary.gene_ids)}
    median = dict(zip(vocabulary.gene_ids, vocabulary.medians, strict=True))
    cells = []
    for row in dense:
        ranked = sorted(
            (-(np.float32(count) / median[gene]), token[gene])
            for gene, count in zip(genes, row, strict=True)
            if count > 0 and gene in token
        )
        cells.append([token for _, token in ranked[:seqlen]])
    return cells


def make_case(
    seed: int, *, n_obs: int = 40, n_vars: int = 60, rate: float = 0.8
) -> tuple[np.ndarray, Vocabulary, list[str]]:
    """Draw counts full of ties, genes in any order, some of them unknown, some cells empty."""
    rng = np.random.default_rng(seed)
    dense = rng.poisson(rate, size=(n_obs, n_vars)).astype(np.float32)
    dense[rng.random(n_obs) < 0.1] = 0
    genes = [f"ENSG{i:03d}" for i in rng.permutation(n_vars)]
    known = sorted(rng.choice(genes, size=n_vars - 10, replace=False).tolist())
    medians = rng.choice([0.5, 1.0, 2.0, 1 / 3], size=len(known)).astype(np.float32)
    return dense, Vocabulary((*known, "ENSG999"), np.append(medians, np.float32(1))), genes


def as_lists(tokens) -> list[list[int]]:
    return [tokens.cell(row).tolist() for row in range(tokens.n_obs)]


@given(seed=st.integers(0, 2**32), seqlen=st.sampled_from([1, 5, 1000]))
@settings(max_examples=40, deadline=None)
def test_tokens_equal_a_naive_sort(seed, seqlen):
    dense, vocabulary, genes = make_case(seed)

    tokens = rank_tokens(csr_matrix(dense), vocabulary, genes, seqlen=seqlen)

    assert as_lists(tokens) == naive_tokens(dense, vocabulary, genes, seqlen=seqlen)


def test_blocks_are_joined_without_a_seam(monkeypatch):
    dense, vocabulary, genes = make_case(1)
    whole = rank_tokens(csr_matrix(dense), vocabulary, genes, seqlen=30)
    monkeypatch.setattr(rank_encoder, "BLOCK_N_OBS", 7)

    pieces = rank_tokens(csr_matrix(dense), vocabulary, genes, seqlen=30)

    assert np.array_equal(pieces.tokens, whole.tokens)
    assert np.array_equal(pieces.indptr, whole.indptr)


def test_order_of_the_columns_does_not_matter():
    dense, vocabulary, genes = make_case(2)
    order = np.random.default_rng(0).permutation(len(genes))

    permuted = rank_tokens(
        csr_matrix(dense[:, order]), vocabulary, [genes[i] for i in order], seqlen=100
    )

    assert as_lists(permuted) == as_lists(
        rank_tokens(csr_matrix(dense), vocabulary, genes, seqlen=100)
    )


def test_scaling_a_cell_changes_nothing():
    dense, vocabulary, genes = make_case(3)

    doubled = rank_tokens(csr_matrix(2 * dense), vocabulary, genes, seqlen=100)

    assert as_lists(doubled) == naive_tokens(dense, vocabulary, genes, seqlen=100)


def test_types_and_bounds_of_the_result():
    dense, vocabulary, genes = make_case(4)
    dense[0] = 0

    tokens = rank_tokens(csr_matrix(dense), vocabulary, genes, seqlen=20)

    assert (tokens.tokens.dtype, tokens.indptr.dtype) == (np.int32, np.int64)
    assert (tokens.n_obs, tokens.lengths[0], tokens.lengths.max()) == (40, 0, 20)
    assert tokens.tokens.min() >= 2
    assert tokens.tokens.max() < vocabulary.mask_token


@pytest.mark.parametrize("dtype", ["u1", "i4", "u8", "f2", "f4", "f8", ">i2"])
def test_every_number_type_gives_the_same_tokens(dtype):
    dense, vocabulary, genes = make_case(6)
    counts = csr_matrix(dense)
    counts.data = counts.data.astype(dtype)

    tokens = rank_tokens(counts, vocabulary, genes, seqlen=100)

    assert as_lists(tokens) == naive_tokens(dense, vocabulary, genes, seqlen=100)


@pytest.mark.parametrize("n_vars", [700, 9000], ids=["crowded", "more-than-buckets"])
def test_many_genes_of_equal_value_are_in_the_order_of_the_vocabulary(n_vars):
    rng = np.random.default_rng(0)
    dense = rng.integers(0, 3, size=(3, n_vars)).astype(np.float32)
    genes = [f"ENSG{i:05d}" for i in rng.permutation(n_vars)]
    vocabulary = Vocabulary(tuple(sorted(genes)), np.ones(n_vars, dtype=np.float32))

    tokens = rank_tokens(csr_matrix(dense), vocabulary, genes, seqlen=n_vars // 2)

    assert as_lists(tokens) == naive_tokens(dense, vocabulary, genes, seqlen=n_vars // 2)


def test_values_of_every_size_are_ordered():
    counts = np.float32([[2.0**e for e in range(-149, 128)]])
    genes = [f"G{i:03d}" for i in range(counts.shape[1])]
    vocabulary = Vocabulary(tuple(genes), np.full(len(genes), 3, dtype=np.float32))

    tokens = rank_tokens(csr_matrix(counts), vocabulary, genes, seqlen=1000)

    assert as_lists(tokens) == naive_tokens(counts, vocabulary, genes, seqlen=1000)


@pytest.mark.parametrize("n_threads", [1, 5])
def test_threads_do_not_change_the_tokens(n_threads, monkeypatch):
    dense, vocabulary, genes = make_case(7)
    monkeypatch.setattr(rank_encoder, "BLOCK_N_OBS", 3)
    encoder = RankEncoder.over(vocabulary, vocabulary.positions(genes))

    tokens = encoder.encode(csr_matrix(dense), seqlen=30, n_threads=n_threads)

    assert as_lists(tokens) == naive_tokens(dense, vocabulary, genes, seqlen=30)


def test_columns_that_are_not_there_are_refused():
    vocabulary = Vocabulary(("A", "B"), np.ones(2, dtype=np.float32))
    counts = csr_matrix(np.ones((1, 2), dtype=np.float32))
    counts.indices[1] = 7

    with pytest.raises(SchemaError, match=r"Expected columns from 0 to 1"):
        rank_tokens(counts, vocabulary, ["A", "B"], seqlen=5)


def test_no_cells_give_no_tokens():
    _, vocabulary, genes = make_case(5)

    tokens = rank_tokens(csr_matrix((0, len(genes))), vocabulary, genes, seqlen=5)

    assert (tokens.n_obs, len(tokens.tokens)) == (0, 0)


def test_unsorted_and_doubled_entries_are_summed_first():
    vocabulary = Vocabulary(("A", "B"), np.array([1, 1], dtype=np.float32))
    counts = csr_matrix(([2.0, 3.0, 2.0], [1, 0, 1], [0, 3]), shape=(1, 2))

    tokens = rank_tokens(counts, vocabulary, ["A", "B"], seqlen=5)

    assert as_lists(tokens) == [[3, 2]]
    assert counts.nnz == 3


def test_real_cells_equal_a_naive_sort(data_dir):
    ad = pytest.importorskip("anndata")
    adata = ad.read_h5ad(data_dir / "pancreas_panc8_small.h5ad")[:25]
    genes = [f"{name}-{i}" for i, name in enumerate(adata.var_names)]
    counts = csr_matrix(adata.X)
    vocabulary = Vocabulary.from_counts(counts, genes)

    tokens = rank_tokens(counts, vocabulary, genes, seqlen=2048)

    assert as_lists(tokens) == naive_tokens(counts.toarray(), vocabulary, genes, seqlen=2048)


@pytest.mark.parametrize("value", [-1.0, np.nan, np.inf], ids=["negative", "nan", "infinite"])
def test_values_that_are_no_counts_are_refused(value):
    vocabulary = Vocabulary(("A",), np.ones(1, dtype=np.float32))

    with pytest.raises(CountsError, match=r"found negative or non-finite values"):
        rank_tokens(csr_matrix([[value]]), vocabulary, ["A"], seqlen=5)


@pytest.mark.parametrize(
    ("genes", "message"),
    [(["A", "A"], r"doubled: A"), (["A"], r"each of 2 columns, each once, found 1 ids")],
    ids=["doubled", "too-few"],
)
def test_genes_that_do_not_fit_the_columns_are_refused(genes, message):
    vocabulary = Vocabulary(("A",), np.ones(1, dtype=np.float32))

    with pytest.raises(SchemaError, match=message):
        rank_tokens(csr_matrix([[1.0, 2.0]]), vocabulary, genes, seqlen=5)


def test_no_room_is_refused():
    vocabulary = Vocabulary(("A",), np.ones(1, dtype=np.float32))

    with pytest.raises(InputError, match=r"found seqlen=0"):
        rank_tokens(csr_matrix([[1.0]]), vocabulary, ["A"], seqlen=0)
