"""Cells of a type that was left out are counted as rejected or as taken for another."""

import numpy as np
import pytest

from genemamba.evaluation.annotation.evaluation import OURS, evaluate_annotation
from genemamba.evaluation.annotation.folds import Fold, Split
from genemamba.evaluation.annotation.labellers import CalledCells
from genemamba.evaluation.annotation.rejection import score_rejection
from genemamba.evaluation.annotation.transfer import HeldOutLabels
from genemamba.keys import UNKNOWN

LABELS = np.array(["B", "B", "T", "T", "NK", "NK", "B", "T"], dtype=object)
SPLIT = Split(
    kind="left-out type",
    folds=(
        Fold("B", np.array([2, 4]), np.array([0, 1, 6, 7])),
        Fold("T", np.array([0, 4]), np.array([2, 3, 6, 7])),
    ),
    n_labelled=8,
    n_groups=2,
)


def test_shares_are_those_counted_by_hand():
    held_out = HeldOutLabels(
        rows=np.array([0, 1, 6, 7, 2, 3, 6, 7]),
        fold=np.repeat([0, 1], 4),
        truth=LABELS[[0, 1, 6, 7, 2, 3, 6, 7]],
        predicted=np.array([UNKNOWN, "T", "NK", "T", UNKNOWN, UNKNOWN, UNKNOWN, "NK"], object),
        confidence=np.array([0.1, 0.6, 0.7, 0.65, 0.2, 0.3, 0.1, 0.9]),
    )

    found = score_rejection(held_out, SPLIT, seed=0)

    # Left out: B in rows 0, 1, 6 (one rejected), T in rows 2, 3, 7 (two). Known: T in 7, B in 6.
    assert (found.n, found.rejected) == (6, pytest.approx(3 / 6))
    assert (found.n_known, found.known_rejected, found.known_error) == (2, 0.5, 0.0)
    assert [(one.cell_type, one.n, one.rejected, one.taken_for) for one in found.types] == [
        ("B", 3, pytest.approx(1 / 3), "NK"),
        ("T", 3, pytest.approx(2 / 3), "NK"),
    ]
    # The known cell has 0.65 beside 0.1, 0.6 and 0.7; the other 0.1 beside 0.2, 0.3 and 0.9.
    assert [one.auroc for one in found.types] == [pytest.approx(2 / 3), 0.0]
    assert found.rejected_interval.low < 0.5 < found.rejected_interval.high


def constant(label, confidence):
    def label_cells(train, labels, test, *, seed):
        return CalledCells(np.full(len(test), label, dtype=object), np.full(len(test), confidence))

    return label_cells


def broken(*_, **__):
    msg = "no memory"
    raise ValueError(msg)


def test_a_method_rejects_where_its_confidence_is_below_the_threshold():
    found = evaluate_annotation(
        LABELS, SPLIT, constant("NK", 0.4), {"sure": lambda: constant("NK", 0.6)}, seed=0
    )

    assert {name: one.rejected for name, one in found.rejections.items()} == {
        OURS: 1.0,
        "sure": 0.0,
    }
    assert (found.scores, found.comparisons) == ({}, ())


def test_a_baseline_that_fails_is_noted_and_the_others_are_scored():
    split = Split(
        kind="held-out cells",
        folds=(Fold("cells", np.arange(5), np.arange(5, 8)),),
        n_labelled=8,
        n_groups=1,
    )
    baselines = {"first": lambda: broken, "second": broken, "third": lambda: constant("T", 1.0)}

    found = evaluate_annotation(LABELS, split, constant("B", 1.0), baselines, seed=0)

    assert list(found.scores) == [OURS, "third"]
    assert found.notes == (
        "first failed: ValueError: no memory",
        "second failed: ValueError: no memory",
    )
    with pytest.raises(ValueError, match="no memory"):
        evaluate_annotation(LABELS, split, broken, baselines, seed=0)
