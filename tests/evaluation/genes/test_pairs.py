"""Pairs are drawn once each, of the right kind, and too few of them are refused."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from genemamba.errors import GenesError
from genemamba.evaluation.genes.pairs import draw_pairs, draw_pathway_pairs, share_set


@pytest.fixture
def membership():
    """Thirty genes: ten in one set, ten in another, two of them in both, the rest in none."""
    sets = np.zeros((30, 2), bool)
    sets[:10, 0] = True
    sets[8:18, 1] = True
    return csr_matrix(sets)


def as_set(pairs):
    return {tuple(pair) for pair in pairs.tolist()}


def test_every_pair_is_of_its_kind_and_none_is_missing(membership):
    sets = membership.toarray()

    found = draw_pathway_pairs(membership, seed=0)

    expected = {True: set(), False: set()}
    for left in range(18):
        for right in range(left + 1, 18):
            expected[bool((sets[left] & sets[right]).any())].add((left, right))
    assert as_set(found.alike) == expected[True]
    assert as_set(found.strangers) == expected[False]
    assert len(found.alike) == len(expected[True])
    assert found.is_alike.tolist() == [True] * len(found.alike) + [False] * len(found.strangers)
    assert as_set(found.both) == expected[True] | expected[False]


def test_draws_are_bounded_and_depend_on_the_seed(membership):
    first, again, other = (
        draw_pathway_pairs(membership, seed=seed, max_pairs=25) for seed in (0, 0, 1)
    )

    assert (len(first.alike), len(first.strangers)) == (25, 25)
    assert len(as_set(first.both)) == 50
    np.testing.assert_array_equal(first.both, again.both)
    assert as_set(first.both) != as_set(other.both)


def test_the_diagonal_says_which_genes_are_in_any_set(membership):
    assert share_set(membership).diagonal().tolist() == [True] * 18 + [False] * 12


def test_a_pair_is_no_gene_with_itself():
    pairs = draw_pairs(np.ones((5, 5), bool), rng=np.random.default_rng(0))

    assert as_set(pairs) == {(i, j) for i in range(5) for j in range(i + 1, 5)}


def test_one_set_alone_leaves_no_strangers():
    alone = csr_matrix(np.ones((12, 1), bool))

    with pytest.raises(GenesError, match="found 66 and 0 among 12 genes") as refused:
        draw_pathway_pairs(alone, seed=0)

    assert refused.value.rule == "gene-sets-few-pairs"
