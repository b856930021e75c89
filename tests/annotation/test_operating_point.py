"""A stated error holds as often as is said, and as many cells are accepted as it allows."""

import numpy as np
import pytest
from scipy.stats import binomtest

from genemamba.annotation.operating_point import (
    N_COVERAGES,
    OperatingPoint,
    choose_operating_point,
    error_bound,
    error_interval,
)


def draw(n_obs, rng):
    """Cells whose chance of a right label is their confidence to the power of 1.5."""
    confidence = rng.beta(6, 1, n_obs)
    return confidence, rng.uniform(size=n_obs) < confidence**1.5


def true_error(threshold):
    """Error of these cells above a threshold, by numeric integration of the density."""
    c = np.linspace(threshold, 1, 20_001)
    density = 6 * c**5
    return np.trapezoid(density * (1 - c**1.5), c) / np.trapezoid(density, c)


def test_the_stated_error_is_broken_no_more_often_than_is_said():
    rng = np.random.default_rng(0)
    n_draws, n_broken, accepted = 600, 0, []
    for _ in range(n_draws):
        point = choose_operating_point(*draw(400, rng), max_error=0.1, delta=0.2)
        accepted.append(point.n_accepted)
        n_broken += point.n_accepted > 0 and true_error(point.threshold) > 0.1

    interval = binomtest(n_broken, n_draws).proportion_ci(0.99, method="exact")

    assert interval.low <= 0.2
    assert np.mean(accepted) > 40  # the promise is not kept by accepting nothing


def test_the_largest_coverage_whose_bound_keeps_to_the_target_is_taken():
    confidence, is_right = draw(1_000, np.random.default_rng(1))
    order = np.argsort(-confidence)
    bounds = {}
    for step in range(1, N_COVERAGES + 1):
        n = 1_000 * step // N_COVERAGES
        n_wrong = int((~is_right[order[:n]]).sum())
        test = binomtest(n_wrong, n, alternative="less")
        bounds[n] = test.proportion_ci(1 - 0.05 / N_COVERAGES, method="exact").high
    expected = max(n for n, bound in bounds.items() if bound <= 0.12)

    found = choose_operating_point(confidence, is_right, max_error=0.12)

    assert 0 < expected < 1_000
    assert found.n_accepted == expected
    assert found.n_cells == 1_000
    assert found.bound == pytest.approx(bounds[expected])
    assert (confidence > found.threshold).sum() == expected


def test_cells_equally_sure_are_accepted_together_or_not_at_all():
    confidence = np.array([1.0] * 300 + [0.5] * 300)
    is_right = np.array([True] * 300 + [True, False] * 150)

    found = choose_operating_point(confidence, is_right, max_error=0.05)

    assert found[:4] == (0.5, 600, 300, 0)


def test_heads_that_are_right_are_accepted_throughout():
    found = choose_operating_point(np.linspace(0.5, 1, 200), np.full(200, True), max_error=0.05)

    assert found == OperatingPoint(0.0, 200, 200, 0, error_bound(0, 200, certainty=0.9975))


@pytest.mark.parametrize("n_obs", [0, 1, 116], ids=["no cell", "one cell", "one too few"])
def test_too_few_cells_prove_nothing_and_none_is_accepted(n_obs):
    found = choose_operating_point(np.full(n_obs, 1.0), np.full(n_obs, True), max_error=0.05)

    assert found == OperatingPoint(1.0, n_obs, 0, 0, 1.0)


def test_enough_cells_without_an_error_are_117():
    found = choose_operating_point(np.full(117, 1.0), np.full(117, True), max_error=0.05)

    assert found.n_accepted == 117


@pytest.mark.parametrize(("n_wrong", "n"), [(0, 5), (3, 40), (40, 40)], ids=["none", "some", "all"])
def test_intervals_are_the_exact_ones_of_scipy(n_wrong, n):
    expected = binomtest(n_wrong, n).proportion_ci(0.95, method="exact")

    assert error_interval(n_wrong, n) == pytest.approx(tuple(expected))
