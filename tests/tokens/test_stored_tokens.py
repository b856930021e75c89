"""Many token stores are one set of cells."""

import numpy as np
import pytest

from genemamba.tokens.rank import rank_tokens
from genemamba.tokens.stored_tokens import StoredTokens
from genemamba.tokens.vocabulary import Vocabulary
from tests.small_atlas import small_adata, small_view

SEQLEN = 30


@pytest.fixture(scope="module")
def view(tmp_path_factory):
    deposits = {name: small_adata(n_obs=n, seed=n) for name, n in (("a", 30), ("b", 1), ("c", 25))}
    return small_view(tmp_path_factory.mktemp("atlas"), **deposits)


@pytest.fixture(scope="module")
def vocabulary(view):
    return Vocabulary.from_counts(view.counts(), view.gene_ids)


@pytest.fixture(scope="module")
def whole(view, vocabulary):
    return rank_tokens(view.counts(), vocabulary, view.gene_ids, seqlen=SEQLEN)


@pytest.fixture(scope="module")
def stored(view, vocabulary, tmp_path_factory):
    return StoredTokens.of_view(
        view, vocabulary, seqlen=SEQLEN, cache=tmp_path_factory.mktemp("tokens")
    )


def test_cells_are_those_of_the_counts_in_the_views_order(stored, whole):
    everything = stored.take(np.arange(56))

    np.testing.assert_array_equal(stored.lengths, whole.lengths)
    np.testing.assert_array_equal(everything.tokens, whole.tokens)
    np.testing.assert_array_equal(everything.indptr, whole.indptr)


def test_cells_are_taken_in_any_order_and_more_than_once(stored, whole):
    rows = np.array([55, 0, 30, 31, 29, 0, 40])

    taken, expected = stored.take(rows), whole.take(rows)

    np.testing.assert_array_equal(taken.tokens, expected.tokens)
    np.testing.assert_array_equal(taken.indptr, expected.indptr)


def test_rows_that_are_left_out_are_not_counted(stored, whole):
    kept = [np.array([2, 5, 29]), None, np.array([0])]
    some = StoredTokens.join(stored.stores, kept)

    expected = whole.take(np.array([2, 5, 29, 30, 31]))
    np.testing.assert_array_equal(some.lengths, expected.lengths)
    np.testing.assert_array_equal(some.take(np.arange(5)).tokens, expected.tokens)


def test_the_digest_tells_other_cells_apart(stored):
    same = StoredTokens.join(stored.stores, [None, None, None])
    others = [
        StoredTokens.join(stored.stores, [np.arange(29), None, None]),
        StoredTokens.join(stored.stores[:2], [None, None]),
        StoredTokens.join(stored.stores[::-1], [None, None, None]),
    ]

    assert same.digest == stored.digest
    assert len({stored.digest, *(other.digest for other in others)}) == 4
