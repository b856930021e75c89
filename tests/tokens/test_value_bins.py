"""Binned expression beside the ranks: its rule, and that it travels with its tokens."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from genemamba.provenance import digest_json
from genemamba.tokens.minibatch import pad_cells
from genemamba.tokens.rank import rank_tokens
from genemamba.tokens.token_cache import ensure_token_store
from genemamba.tokens.token_set import TokenSet
from genemamba.tokens.token_store import TokenStoreKey
from genemamba.tokens.vocabulary import Vocabulary

GENES = [f"ENSG{i:03d}" for i in range(40)]
KNOWN = Vocabulary(tuple(GENES[:30]), np.linspace(0.5, 3, 30).astype(np.float32))


def naive_bins(row, tokens, *, value_bins):
    """Compare each gene's log1p of counts in 10,000 with those of the cell's other genes."""
    value = np.log1p(row / max(row.sum(), 1) * 10_000)[:30]
    expressed = value[value > 0]
    return [
        1 + int((expressed < value[token - 2]).sum() * value_bins / len(expressed))
        for token in tokens
    ]


@given(
    seed=st.integers(0, 2**32), value_bins=st.sampled_from([1, 7, 255]),
    seqlen=st.sampled_from([4, 100]),
)  # fmt: skip
@settings(max_examples=30, deadline=None)
def test_bins_are_those_of_the_stated_rule(seed, value_bins, seqlen):
    rng = np.random.default_rng(seed)
    dense = rng.poisson(rng.gamma(0.5, 4, size=40), size=(20, 40)).astype(np.float64)
    dense[3] = 0

    tokens = rank_tokens(csr_matrix(dense), KNOWN, GENES, seqlen=seqlen, value_bins=value_bins)

    for row in range(20):
        start, stop = tokens.indptr[row : row + 2]
        expected = naive_bins(dense[row], tokens.cell(row), value_bins=value_bins)
        assert tokens.bins[start:stop].tolist() == expected


def test_equal_counts_share_a_bin_and_the_highest_need_not_come_first():
    vocabulary = Vocabulary(("A", "B", "C", "D"), np.array([1, 1, 0.1, 8], np.float32))
    counts = csr_matrix([[2.0, 2.0, 1.0, 9.0]])

    tokens = rank_tokens(counts, vocabulary, ["A", "B", "C", "D"], seqlen=9, value_bins=4)

    assert tokens.cell(0).tolist() == [4, 2, 3, 5]
    assert tokens.bins.tolist() == [1, 2, 2, 4]


def test_columns_named_twice_are_summed_before_they_are_binned():
    doubled = csr_matrix(([1.0, 1.0, 1.0], [0, 1, 0], [0, 3]), shape=(1, 40))

    tokens = rank_tokens(doubled, KNOWN, GENES, seqlen=9, value_bins=2)

    assert (tokens.tokens.tolist(), tokens.bins.tolist()) == ([2, 3], [2, 1])


def test_without_bins_nothing_is_kept():
    counts = csr_matrix(np.ones((2, 40)))

    assert rank_tokens(counts, KNOWN, GENES, seqlen=9).bins is None


@pytest.fixture
def tokens() -> TokenSet:
    """Four cells of 3, 0, 1 and 2 tokens; the bin of token t is t + 100."""
    cells = TokenSet.from_cells([np.array(c, np.int32) for c in ([5, 6, 7], [], [8], [9, 10])])
    return dataclasses.replace(cells, bins=(cells.tokens + 100).astype(np.uint8))


def test_bins_travel_with_their_tokens(tokens):
    taken = tokens.take(np.array([3, 1, 0]))
    cut = tokens.slice(2, 4)
    joined = TokenSet.join([cut, taken])

    for moved in (taken, cut, joined):
        np.testing.assert_array_equal(moved.bins, moved.tokens + 100)
    assert joined.tokens.tolist() == [8, 9, 10, 9, 10, 5, 6, 7]
    assert tokens.take(np.array([], np.int64)).bins.dtype == np.uint8


def test_minibatch_has_no_value_at_padding(tokens):
    minibatch = pad_cells(tokens, np.array([2, 0]))

    assert minibatch.bins.tolist() == [[108, 0, 0], [105, 106, 107]]
    assert pad_cells(dataclasses.replace(tokens, bins=None), np.array([2])).bins is None


def test_token_store_keeps_bins_and_leaves_one_without_them_as_it_is(
    view, counts, vocabulary, tmp_path
):
    entry = view.manifest.stores[0]

    def make(**options):
        return ensure_token_store(
            entry.url, vocabulary, store_digest=entry.digest, seqlen=20, cache=tmp_path, **options
        )

    plain, told = make(), make(value_bins=9)

    expected = rank_tokens(counts[:120], vocabulary, view.gene_ids, seqlen=20, value_bins=9)
    found = told.read([(30, 120), (0, 30)])
    order = np.concatenate([np.arange(30, 120), np.arange(30)])
    np.testing.assert_array_equal(found.bins, expected.take(order).bins)
    assert plain.read([(0, 120)]).bins is None
    assert sorted(path.name for path in plain.folder.iterdir()) == [
        "indptr.bin", "token_store.json", "tokens.bin",
    ]  # fmt: skip
    assert "bins" not in (plain.folder / "token_store.json").read_text()
    assert make(value_bins=9).folder == told.folder


def test_token_stores_without_bins_keep_the_name_that_they_had():
    key = {"store_digest": "a", "vocabulary_digest": "b", "seqlen": 5, "encoding": "c"}

    assert TokenStoreKey(**key).name == digest_json(key)[7:23]
    assert TokenStoreKey(**key, value_bins=9).name != TokenStoreKey(**key, value_bins=8).name


def test_damaged_bins_are_made_again(view, vocabulary, tmp_path):
    entry = view.manifest.stores[0]

    def make():
        return ensure_token_store(
            entry.url, vocabulary, store_digest=entry.digest, seqlen=20, cache=tmp_path,
            value_bins=9,
        )  # fmt: skip

    path = make().folder / "bins.bin"
    whole = path.read_bytes()
    path.write_bytes(b"\xff" + whole[1:])

    make()

    assert path.read_bytes() == whole
