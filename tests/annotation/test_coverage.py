"""Risk by coverage, as a loop over the cells would count it."""

import numpy as np
import pytest

from genemamba.annotation.coverage import coverage_risk

RNG = np.random.default_rng(0)
CONFIDENCE = RNG.uniform(size=80)
IS_RIGHT = RNG.uniform(size=80) < CONFIDENCE


def test_each_point_counts_the_cells_at_least_as_sure():
    found = coverage_risk(CONFIDENCE, IS_RIGHT)

    for threshold, coverage, risk in zip(*found, strict=True):
        answered = [right for c, right in zip(CONFIDENCE, IS_RIGHT, strict=True) if c >= threshold]
        assert coverage == pytest.approx(len(answered) / 80)
        assert risk == pytest.approx(1 - sum(answered) / len(answered))
    assert found.threshold.tolist() == sorted(CONFIDENCE, reverse=True)


def test_the_area_is_the_mean_risk_over_the_coverages():
    risks = [np.mean(~IS_RIGHT[np.argsort(-CONFIDENCE)[:n]]) for n in range(1, 81)]

    assert coverage_risk(CONFIDENCE, IS_RIGHT).area == pytest.approx(np.mean(risks))


def test_cells_equally_sure_make_one_point():
    found = coverage_risk(np.array([0.5, 0.9, 0.5, 0.9]), np.array([False, True, True, True]))

    assert [column.tolist() for column in found] == [[0.9, 0.5], [0.5, 1.0], [0.0, 0.25]]
    assert found.area == 0.5 * 0.0 + 0.5 * 0.25


def test_cells_that_are_never_answered_for_bound_the_coverage():
    found = coverage_risk(
        np.array([0.9, -np.inf, 0.8, -np.inf]), np.array([True, True, False, False])
    )

    assert found.coverage.tolist() == [0.25, 0.5]
    assert found.risk.tolist() == [0.0, 0.5]


def test_no_cell_makes_no_point():
    found = coverage_risk(np.empty(0), np.empty(0, dtype=bool))

    assert [len(column) for column in found] == [0, 0, 0]
    assert found.area == 0.0


def test_a_thinned_curve_keeps_both_ends():
    curve = coverage_risk(CONFIDENCE, IS_RIGHT)

    thin = curve.thin(10)

    assert len(thin.risk) == 10
    assert set(zip(*thin, strict=True)) <= set(zip(*curve, strict=True))
    assert (thin.coverage[0], thin.coverage[-1]) == (1 / 80, 1.0)
    assert curve.thin(500).risk.tolist() == curve.risk.tolist()
