"""One temperature makes confidence mean what it says, and changes no label."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import log_softmax

from genemamba.annotation.calibration import (
    TEMPERATURES,
    CalibratedHead,
    expected_calibration_error,
    fit_temperature,
)
from genemamba.annotation.head import softmax, transfer
from genemamba.annotation.linear_probe import fit_probe
from tests.annotation.blobs import blobs


def sampled(*, n_obs=4000, n_classes=5, seed=0):
    """Logits, and labels that are drawn as their softmax says."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (n_obs, n_classes))
    noise = rng.gumbel(size=logits.shape)
    return logits, (logits + noise).argmax(axis=1)


@pytest.mark.parametrize("factor", [0.5, 1.0, 3.0], ids=["timid", "true", "too sure"])
def test_the_temperature_is_that_of_a_general_optimiser_and_finds_the_factor(factor):
    logits, codes = sampled()

    def loss(x):
        scaled = log_softmax(factor * logits / np.exp(x[0]), axis=1)
        return -scaled[np.arange(len(codes)), codes].mean()

    oracle = np.exp(minimize(loss, x0=[0.3], method="BFGS").x[0])

    found = fit_temperature(factor * logits, codes)

    assert found == pytest.approx(oracle, rel=1e-3)
    assert found == pytest.approx(factor, rel=0.05)


def test_labels_that_a_head_does_not_know_count_for_nothing():
    logits, codes = sampled()
    wider = np.hstack([logits, np.full((len(logits), 2), -np.inf)])

    assert fit_temperature(wider, codes) == pytest.approx(fit_temperature(logits, codes))


def test_where_every_cell_is_right_the_temperature_stays_within_bounds():
    logits = np.eye(3)[[0, 1, 2] * 5]

    assert fit_temperature(logits, logits.argmax(axis=1)) == pytest.approx(
        TEMPERATURES[0], rel=1e-3
    )


def test_without_a_cell_to_judge_by_nothing_is_changed():
    assert fit_temperature(np.empty((0, 3)), np.empty(0, dtype=int)) == 1.0


def test_a_calibrated_head_keeps_every_label():
    X, labels = blobs(3, spread=4.0)
    probe = fit_probe(X, labels, seed=0)
    head = CalibratedHead(head=probe, temperature=2.5)

    found = transfer(head, X, threshold=0.0)

    assert found.classes == probe.classes
    assert found.labels.tolist() == transfer(probe, X, threshold=0.0).labels.tolist()
    np.testing.assert_allclose(found.probabilities, softmax(probe.logits(X) / 2.5))


def test_the_calibration_error_is_that_of_the_definition():
    rng = np.random.default_rng(0)
    confidence = np.append(rng.uniform(0.2, 1, 500), [0.2, 1.0])
    is_right = rng.uniform(size=502) < confidence**2
    expected = 0.0
    for number in range(10):
        here = (confidence > number / 10) & (confidence <= (number + 1) / 10)
        if here.any():
            gap = abs(is_right[here].mean() - confidence[here].mean())
            expected += here.sum() / 502 * gap

    found = expected_calibration_error(confidence, is_right, n_bins=10)

    assert found == pytest.approx(expected)


def test_the_temperature_mends_the_calibration_error():
    logits, codes = sampled()
    too_sure = 3 * logits
    is_right = logits.argmax(axis=1) == codes

    before, after = (
        expected_calibration_error(softmax(too_sure / temperature).max(axis=1), is_right)
        for temperature in (1.0, fit_temperature(too_sure, codes))
    )

    assert before > 0.1
    assert after < 0.03
