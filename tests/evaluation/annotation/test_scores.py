"""Scores of labels against values worked out by hand and against scikit-learn."""

import importlib.metadata

import numpy as np
import pytest
from sklearn import metrics

from genemamba.evaluation.annotation.scores import Interval, score_annotation
from genemamba.keys import UNKNOWN

TRUTH = ["B", "B", "B", "B", "T", "T", "NK", "NK"]
PREDICTED = ["B", "B", "B", "T", "T", "B", "T", "Mono"]


def test_scores_are_those_worked_out_by_hand():
    score = score_annotation(TRUTH, PREDICTED, seed=0)

    # B: 3 right of 4 called and 4 there. T: 1 right of 3 called and 2 there. NK: never called.
    assert [(t.cell_type, t.n, t.precision, t.recall, t.f1) for t in score.types] == [
        ("B", 4, 0.75, 0.75, 0.75),
        ("NK", 2, 0.0, 0.0, 0.0),
        ("T", 2, pytest.approx(1 / 3), 0.5, pytest.approx(0.4)),
    ]
    assert score.n == 8
    assert score.accuracy == 0.5
    assert score.macro_f1 == pytest.approx((0.75 + 0.0 + 0.4) / 3)


def test_confusion_counts_every_pair_and_puts_strange_predictions_last():
    confusion = score_annotation(TRUTH, PREDICTED, seed=0).confusion

    assert confusion.truth == ("B", "NK", "T")
    assert confusion.predicted == ("B", "NK", "T", "Mono")
    assert confusion.counts.tolist() == [[3, 0, 1, 0], [0, 0, 1, 1], [1, 0, 1, 0]]


def test_unknown_predictions_count_as_wrong():
    score = score_annotation(["B", "T"], ["B", UNKNOWN], seed=0)

    assert score.accuracy == 0.5
    assert score.confusion.predicted == ("B", "T", UNKNOWN)


def test_scores_equal_scikit_learns_on_random_labels():
    rng = np.random.default_rng(0)
    truth = rng.choice(list("ABCDE"), 500)
    predicted = np.where(rng.random(500) < 0.6, truth, rng.choice(list("BCDEXA"), 500))

    score = score_annotation(truth, predicted, seed=0)

    labels = list(score.confusion.truth)
    assert score.accuracy == pytest.approx(metrics.accuracy_score(truth, predicted))
    assert score.macro_f1 == pytest.approx(
        metrics.f1_score(truth, predicted, labels=labels, average="macro", zero_division=0.0)
    )
    np.testing.assert_array_equal(
        score.confusion.counts,
        metrics.confusion_matrix(truth, predicted, labels=list(score.confusion.predicted))[
            : len(labels)
        ],
    )


def test_accuracy_interval_is_the_binomial_one():
    """A bootstrap of a share is binomial: its 95 % is p +- 1.96 sqrt(p (1 - p) / n)."""
    truth = ["B", "T"] * 500
    predicted = ["B", "T"] * 400 + ["T", "B"] * 100

    low, high = score_annotation(truth, predicted, seed=0, n_resamples=4_000).accuracy_interval

    half = 1.96 * np.sqrt(0.8 * 0.2 / 1_000)
    assert low == pytest.approx(0.8 - half, abs=0.002)
    assert high == pytest.approx(0.8 + half, abs=0.002)


def test_macro_f1_interval_is_that_of_resampling_cells_one_by_one():
    rng = np.random.default_rng(0)
    truth = rng.choice(list("ABC"), 200, p=[0.6, 0.3, 0.1])
    predicted = np.where(rng.random(200) < 0.8, truth, "A")
    resampled = []
    for _ in range(1_500):
        rows = rng.integers(0, 200, 200)
        resampled.append(metrics.f1_score(truth[rows], predicted[rows], average="macro"))

    interval = score_annotation(truth, predicted, seed=0, n_resamples=3_000).macro_f1_interval

    np.testing.assert_allclose(interval, np.quantile(resampled, [0.025, 0.975]), atol=0.015)


def test_perfect_labels_have_no_uncertainty():
    score = score_annotation(TRUTH, TRUTH, seed=0)

    assert (score.accuracy, score.macro_f1) == (1.0, 1.0)
    assert score.accuracy_interval == score.macro_f1_interval == Interval(1.0, 1.0)


def test_intervals_depend_on_the_seed_alone():
    first, second, other = (score_annotation(TRUTH, PREDICTED, seed=s) for s in (1, 1, 2))

    assert first.macro_f1_interval == second.macro_f1_interval
    assert first.macro_f1_interval != other.macro_f1_interval


def test_the_score_names_this_library_as_what_computed_it():
    version = importlib.metadata.version("genemamba-atlas")

    score = score_annotation(TRUTH, PREDICTED, seed=0)

    assert score.implementation == f"genemamba-atlas@{version}"


def test_macro_f1_leaves_out_types_that_were_only_predicted():
    truth, predicted = ["B", "B", "T", "T"], ["B", "B", "T", "NK"]

    score = score_annotation(truth, predicted, seed=0)

    of_truth = metrics.f1_score(truth, predicted, average="macro", labels=["B", "T"])
    of_all = metrics.f1_score(truth, predicted, average="macro")
    assert score.macro_f1 == pytest.approx(of_truth) == pytest.approx(5 / 6)
    assert of_all == pytest.approx(5 / 9)
