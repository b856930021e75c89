"""Bootstrap samples against a naive loop that draws from the same generator."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score

from genemamba.evaluation.annotation.resampling import resample_scores

SAMPLES = 40


def labels(n=60, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.choice(["B", "NK", "T"], n, p=[0.5, 0.2, 0.3])
    first = np.where(rng.random(n) < 0.7, truth, "T")
    second = np.where(rng.random(n) < 0.6, truth, "Mono")
    return truth, [first, second]


def scored(truth, predicted):
    present = sorted(set(truth))
    f1 = f1_score(truth, predicted, labels=present, average="macro", zero_division=0.0)
    return accuracy_score(truth, predicted), f1


def test_whole_donors_are_drawn_as_a_naive_loop_draws_them():
    truth, predictions = labels()
    donor = np.array(list("abcde"))[np.random.default_rng(1).integers(0, 5, 60)]

    found = resample_scores(truth, predictions, donor=donor, seed=7, n_resamples=SAMPLES)

    drawn = np.random.default_rng(7).multinomial(5, np.full(5, 0.2), size=SAMPLES)
    for sample, times in enumerate(drawn):
        rows = np.concatenate(
            [
                np.repeat(np.flatnonzero(donor == name), n)
                for name, n in zip("abcde", times, strict=True)
            ]
        )
        for method, predicted in enumerate(predictions):
            accuracy, macro_f1 = scored(truth[rows], predicted[rows])
            assert found.accuracy[sample, method] == pytest.approx(accuracy)
            assert found.macro_f1[sample, method] == pytest.approx(macro_f1)
    assert found.over == "5 donors"


def test_cells_are_drawn_once_for_all_methods_as_a_naive_loop_draws_them():
    truth, predictions = labels()

    found = resample_scores(truth, predictions, seed=3, n_resamples=SAMPLES)

    kinds = sorted(set(zip(truth, *predictions, strict=True)))
    share = np.array([list(zip(truth, *predictions, strict=True)).count(kind) for kind in kinds])
    drawn = np.random.default_rng(3).multinomial(60, share / 60, size=SAMPLES)
    for sample, times in enumerate(drawn):
        cells = np.repeat(np.array(kinds), times, axis=0)
        for method in range(2):
            accuracy, macro_f1 = scored(cells[:, 0], cells[:, 1 + method])
            assert found.accuracy[sample, method] == pytest.approx(accuracy)
            assert found.macro_f1[sample, method] == pytest.approx(macro_f1)
    assert found.over == "cells"


def test_equal_methods_never_differ_in_any_sample():
    truth, (first, _) = labels()

    found = resample_scores(truth, [first, first], seed=0, n_resamples=SAMPLES)

    np.testing.assert_array_equal(found.macro_f1[:, 0], found.macro_f1[:, 1])


def test_two_donors_are_too_few_to_be_drawn():
    truth, predictions = labels()
    donor = np.repeat(["a", "b"], 30)

    assert resample_scores(truth, predictions, donor=donor, seed=0, n_resamples=2).over == "cells"


def test_donors_that_differ_widen_the_interval():
    truth = np.array(["B", "T"] * 100)
    donor = np.repeat([f"d{i}" for i in range(10)], 20)
    predicted = np.where(np.repeat(np.arange(10) % 2 == 0, 20), truth, "B")

    over_donors = resample_scores(truth, [predicted], donor=donor, seed=0).accuracy.std()
    over_cells = resample_scores(truth, [predicted], seed=0).accuracy.std()

    assert over_donors > 2 * over_cells
