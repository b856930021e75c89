"""Ours against the best baseline, beside values worked out by hand."""

from math import comb

import numpy as np
import pytest

from genemamba.evaluation.annotation.comparison import compare_with_best, mcnemar_p
from genemamba.evaluation.annotation.scores import score_annotation
from genemamba.evaluation.annotation.transfer import HeldOutLabels


def called(truth, predicted):
    n = np.arange(len(truth))
    parts = (np.array(values, dtype=object) for values in (truth, predicted))
    return HeldOutLabels(n, np.zeros_like(n), *parts, np.ones(len(n)))


@pytest.mark.parametrize(("first", "second"), [(9, 1), (3, 3), (0, 5), (12, 20)])
def test_mcnemar_is_the_sum_of_the_binomial_tails(first, second):
    n, k = first + second, min(first, second)
    tail = sum(comb(n, i) for i in range(k + 1)) / 2**n

    assert mcnemar_p(first, second) == pytest.approx(min(1.0, 2 * tail))


def test_methods_that_never_differ_are_not_told_apart():
    assert mcnemar_p(0, 0) == 1.0


def test_each_metric_is_compared_with_the_baseline_that_is_best_at_it():
    truth = ["B"] * 8 + ["T"] * 2
    calls = {
        "ours": called(truth, ["B"] * 8 + ["T"] * 2),
        "frequent": called(truth, ["B"] * 10),
        "even": called(truth, ["B"] * 5 + ["T"] * 5),
    }
    scores = {name: score_annotation(c.truth, c.predicted, seed=0) for name, c in calls.items()}

    accuracy, macro_f1 = compare_with_best("ours", calls, scores, seed=0, n_resamples=200)

    # frequent: 8 of 10 right, F1 8/9 and 0; even: 7 of 10 right, F1 10/13 and 4/7.
    assert (accuracy.baseline, accuracy.difference) == ("frequent", pytest.approx(0.2))
    assert (macro_f1.baseline, macro_f1.difference) == (
        "even",
        pytest.approx(1 - (10 / 13 + 4 / 7) / 2),
    )
    assert (accuracy.only_method_right, accuracy.only_baseline_right) == (2, 0)
    assert accuracy.mcnemar_p == pytest.approx(0.5)
    assert accuracy.interval.low <= 0.2 <= accuracy.interval.high
    # A sample has neither of the two cells that differ with probability 0.8^10.
    assert accuracy.share_above_zero == pytest.approx(1 - 0.8**10, abs=0.06)


def test_without_a_baseline_there_is_nothing_to_compare():
    calls = {"ours": called(["B", "T"], ["B", "T"])}
    scores = {"ours": score_annotation(["B", "T"], ["B", "T"], seed=0)}

    assert compare_with_best("ours", calls, scores, seed=0) == ()
