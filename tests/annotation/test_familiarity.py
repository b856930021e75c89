"""Cells like the labelled ones are seldom called unfamiliar, and others are."""

import numpy as np
import pytest
from scipy.stats import binomtest

from genemamba.annotation.familiarity import calibrate_familiarity, conformal_p
from genemamba.annotation.novelty import NoveltyScores


def usual(n_obs, rng):
    """Scores that hang together, as those of real cells do."""
    shared = rng.normal(size=n_obs)
    return NoveltyScores(shared + rng.normal(size=n_obs), np.exp(shared + rng.normal(size=n_obs)))


def test_a_p_value_counts_the_usual_scores_that_are_as_high_and_the_cell_itself():
    usual_scores = np.array([1.0, 2.0, 2.0, 3.0])

    found = conformal_p(np.array([0.0, 2.0, 2.5, 9.0]), usual_scores)

    assert found.tolist() == [5 / 5, 4 / 5, 2 / 5, 1 / 5]


@pytest.mark.parametrize("n_usual", [39, 40, 200], ids=["fewest", "few", "many"])
def test_an_exchangeable_cell_is_called_unfamiliar_at_most_as_often_as_is_said(n_usual):
    rng = np.random.default_rng(0)
    n_draws = 2_000
    n_unfamiliar = 0
    for seed in range(n_draws):
        test = calibrate_familiarity(usual(n_usual, rng), seed=seed)
        n_unfamiliar += test.familiarity(usual(1, rng))[0] <= 0.05

    interval = binomtest(int(n_unfamiliar), n_draws).proportion_ci(0.99, method="exact")

    assert interval.low <= 0.05
    if n_usual >= 200:
        assert interval.high >= 0.03  # nor is the test kept by calling nothing unfamiliar


def test_cells_beyond_all_labelled_ones_in_either_way_are_unfamiliar():
    test = calibrate_familiarity(usual(1_000, np.random.default_rng(0)), seed=0)

    found = test.familiarity(
        NoveltyScores(np.array([50.0, 0.0, 50.0, 0.0]), np.array([1.0, 500.0, 500.0, 1.0]))
    )

    assert (found[:3] <= 0.05).all()
    assert found[3] > 0.05


@pytest.mark.parametrize("n_usual", [0, 1, 5], ids=["none", "one", "five"])
def test_too_few_labelled_cells_make_nothing_unfamiliar(n_usual):
    test = calibrate_familiarity(usual(n_usual, np.random.default_rng(0)), seed=0)

    found = test.familiarity(NoveltyScores(np.array([1e9]), np.array([1e9])))

    assert found[0] > 0.05


def test_equal_seeds_deal_equal_halves():
    scores = usual(100, np.random.default_rng(0))

    one, same, other = (calibrate_familiarity(scores, seed=seed).statistic for seed in (1, 1, 2))

    assert one.tolist() == same.tolist() != other.tolist()
