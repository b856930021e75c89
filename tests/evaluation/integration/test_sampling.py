"""Draws resemble all cells, and their mean has an honest interval."""

import numpy as np
import pytest
from scipy import stats

from genemamba.evaluation.integration.sampling import mean_interval, stratified_draws

RNG = np.random.default_rng(0)
LABELS = np.repeat(["B", "NK", "T"], [7_000, 2_990, 10])[RNG.permutation(10_000)]
BATCH = np.where(RNG.random(10_000) < 0.3, "x", "y")


EVERY = np.arange(10_000)


def draws(n_cells=1_000, n_draws=3, seed=0, rows=EVERY):
    return stratified_draws(rows, LABELS, BATCH, n_cells=n_cells, n_draws=n_draws, seed=seed)


def test_every_draw_has_the_share_of_each_type_and_batch_and_keeps_rare_types():
    for rows in draws():
        assert len(set(rows)) == 1_000
        assert (np.diff(rows) > 0).all()
        types = dict(zip(*np.unique(LABELS[rows], return_counts=True), strict=True))
        # Five of each, and 985 by 6,995 : 2,985 : 5, remainders last.
        assert types == {"B": 695, "NK": 299, "T": 6}
        for name, n in types.items():
            expected = n * np.mean(BATCH[name == LABELS] == "x")
            assert np.sum(BATCH[rows][LABELS[rows] == name] == "x") == pytest.approx(
                expected, abs=1
            )


def test_types_are_as_many_in_each_draw_and_cells_others():
    first, second, third = draws()

    for other in (second, third):
        assert sorted(LABELS[first]) == sorted(LABELS[other])
        assert 0 < len(np.intersect1d(first, other)) < 300


def test_a_seed_gives_its_draws_again_and_another_gives_others():
    again, other = draws(seed=0), draws(seed=1)

    assert [rows.tolist() for rows in draws()] == [rows.tolist() for rows in again]
    assert draws()[0].tolist() != other[0].tolist()


def test_only_the_given_cells_are_drawn():
    rows = np.flatnonzero(BATCH == "x")

    assert np.isin(draws(rows=rows)[0], rows).all()


@pytest.mark.parametrize("n_cells", [2, 12, 10_000], ids="{} cells".format)
def test_any_number_of_cells_can_be_drawn(n_cells):
    for rows in draws(n_cells=n_cells):
        assert len(set(rows)) == n_cells


def test_the_interval_is_that_of_a_t_test():
    values = [0.4, 0.5, 0.55, 0.47, 0.61]

    assert mean_interval(values) == pytest.approx(
        stats.ttest_1samp(values, 0).confidence_interval(0.95)
    )
    assert np.isnan(mean_interval([0.4])).all()


def test_intervals_of_a_known_mean_hold_it_as_often_as_they_say():
    """Of a mean over cells, 95 % of the intervals hold that over all cells."""
    values = RNG.normal(size=10_000) + 2.0 * (LABELS == "B")
    held = 0
    for seed in range(200):
        low, high = mean_interval(
            [float(values[rows].mean()) for rows in draws(n_cells=1_000, n_draws=5, seed=seed)]
        )
        held += low <= values.mean() <= high

    assert 0.90 <= held / 200 <= 0.99
