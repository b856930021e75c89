"""Statistics over pairs are those of scikit-learn and scipy, and chance is what it should be."""

import math

import numpy as np
import pytest
from scipy.spatial.distance import cosine
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from genemamba.evaluation.genes.pair_statistics import auroc, cosine_matrix, score_pairs, spearman
from genemamba.evaluation.genes.pairs import draw_pairs


def tied_values(rng, n):
    return rng.integers(0, 8, n).astype(float)


def repeated(times, *columns):
    return [np.repeat(column, times) for column in columns]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_auroc_with_ties_is_scikit_learns(rng):
    is_alike, values = rng.random(300) < 0.3, tied_values(rng, 300)

    found = auroc(is_alike)(values, np.ones(300))

    assert found == pytest.approx(roc_auc_score(is_alike, values), abs=1e-12)


def test_spearman_with_ties_is_scipys(rng):
    reference, values = tied_values(rng, 300), tied_values(rng, 300)

    found = spearman(reference)(values, np.ones(300))

    assert found == pytest.approx(spearmanr(reference, values).statistic, abs=1e-12)


def test_a_pair_of_weight_three_counts_as_three_pairs(rng):
    times = rng.integers(0, 4, 200)
    is_alike, values, reference = rng.random(200) < 0.4, tied_values(rng, 200), rng.random(200)

    area = auroc(is_alike)(values, times.astype(float))
    correlation = spearman(reference)(values, times.astype(float))

    assert area == pytest.approx(roc_auc_score(*repeated(times, is_alike, values)), abs=1e-12)
    expected = spearmanr(*repeated(times, reference, values)).statistic
    assert correlation == pytest.approx(expected, abs=1e-12)


def test_a_sample_with_one_kind_of_pairs_alone_is_no_number():
    weights = np.array([1.0, 0.0])

    assert math.isnan(auroc(np.array([True, False]))(np.array([1.0, 2.0]), weights))
    assert math.isnan(spearman(np.array([1.0, 2.0]))(np.array([1.0, 2.0]), weights))


def test_cosines_are_scipys_and_nothing_is_like_a_vector_of_zeros(rng):
    vectors = rng.normal(size=(4, 5))
    vectors[3] = 0

    found = cosine_matrix(vectors)

    for row in range(3):
        for column in range(3):
            assert found[row, column] == pytest.approx(
                1 - cosine(vectors[row], vectors[column]), abs=1e-6
            )
    assert found[3].tolist() == [0, 0, 0, 0]


def blocks(n_genes=40):
    """Two groups of genes, alike inside, and which pairs are inside."""
    group = np.arange(n_genes) % 2
    noise = np.random.default_rng(1).normal(0, 0.6, (n_genes, n_genes))
    similarity = (group[:, None] == group) + (noise + noise.T) / 2
    pairs = draw_pairs(np.ones((n_genes, n_genes), bool), rng=np.random.default_rng(2))
    return similarity, pairs, group[pairs[:, 0]] == group[pairs[:, 1]]


def test_a_real_likeness_stands_outside_its_null_and_inside_its_interval():
    similarity, pairs, is_alike = blocks()

    found = score_pairs(auroc(is_alike), similarity, pairs, seed=0)

    values = similarity[pairs[:, 0], pairs[:, 1]]
    assert found.value == pytest.approx(roc_auc_score(is_alike, values), abs=1e-12)
    assert found.null.mean == pytest.approx(0.5, abs=0.01)
    assert found.null.p_value == 1 / 500
    assert found.interval.low < found.value < found.interval.high < 1
    assert (found.n_pairs, found.null.n) == (780, 499)


def test_the_p_value_counts_the_permutations_that_are_at_least_as_high():
    similarity, pairs, is_alike = blocks()
    rng = np.random.default_rng(3)
    null = []
    for _ in range(19):
        order = rng.permutation(len(similarity))
        dealt = similarity[np.ix_(order, order)]
        null.append(roc_auc_score(is_alike, dealt[pairs[:, 0], pairs[:, 1]]))

    found = score_pairs(
        auroc(is_alike), -similarity, pairs, seed=3, n_permutations=19, n_resamples=2
    )

    expected = np.array([1 - area for area in null])
    assert found.null.mean == pytest.approx(expected.mean(), abs=1e-12)
    assert found.null.sd == pytest.approx(expected.std(ddof=1), abs=1e-12)
    assert found.null.p_value == (1 + (expected >= found.value).sum()) / 20 == 1.0


def test_p_values_of_a_likeness_without_meaning_are_uniform():
    p_values = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        group = rng.permutation(24) % 2
        similarity = cosine_matrix(rng.normal(size=(24, 6)))
        pairs = draw_pairs(np.ones((24, 24), bool), rng=rng)
        is_alike = group[pairs[:, 0]] == group[pairs[:, 1]]
        found = score_pairs(
            auroc(is_alike), similarity, pairs, seed=seed, n_permutations=39, n_resamples=2
        )
        p_values.append(found.null.p_value)

    # Means of 60 uniform numbers lie within four standard errors of a half.
    assert np.mean(p_values) == pytest.approx(0.5, abs=4 * np.sqrt(1 / 12 / 60))
    assert np.mean(np.array(p_values) <= 0.1) < 0.3


def test_the_interval_over_genes_is_wider_than_one_over_pairs_would_be():
    similarity, pairs, is_alike = blocks()
    values = similarity[pairs[:, 0], pairs[:, 1]]
    rng = np.random.default_rng(0)
    naive = []
    for _ in range(200):
        rows = rng.integers(len(pairs), size=len(pairs))
        naive.append(roc_auc_score(is_alike[rows], values[rows]))

    found = score_pairs(auroc(is_alike), similarity, pairs, seed=0, n_permutations=2)

    low, high = np.quantile(naive, [0.025, 0.975])
    assert found.interval.high - found.interval.low > high - low


def test_the_same_seed_gives_the_same_score():
    similarity, pairs, is_alike = blocks()
    first, again, other = (
        score_pairs(auroc(is_alike), similarity, pairs, seed=seed, n_permutations=9, n_resamples=9)
        for seed in (0, 0, 1)
    )

    assert first == again
    assert first.interval != other.interval
