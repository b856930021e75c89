"""Every method answers for the same cells, and none sees their labels."""

import numpy as np

from genemamba.annotation.head import transfer
from genemamba.annotation.linear_probe import fit_probe
from genemamba.evaluation.annotation.folds import Fold, Split
from genemamba.evaluation.annotation.labellers import CalledCells, by_head
from genemamba.evaluation.annotation.splits import split_labelled
from genemamba.evaluation.annotation.transfer import label_held_out
from genemamba.keys import UNKNOWN


def cells(seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.choice(["B", "T", "NK", UNKNOWN], 200, p=[0.4, 0.3, 0.2, 0.1]).astype(object)
    batch = rng.choice(["x", "y"], 200)
    corner = {"B": 0, "T": 1, "NK": 2, UNKNOWN: 0}
    X = np.eye(3)[[corner[label] for label in labels]] + rng.normal(0, 0.5, (200, 3))
    return X, labels, batch


def test_each_labelled_cell_is_predicted_by_the_head_of_the_other_batch():
    X, labels, batch = cells()
    split = split_labelled(labels, batch, seed=0)

    held_out = label_held_out(by_head(X, fit_probe), labels, split, seed=0)

    assert sorted(held_out.rows) == np.flatnonzero(labels != UNKNOWN).tolist()
    assert held_out.truth.tolist() == labels[held_out.rows].tolist()
    for name in ("x", "y"):
        others = (batch != name) & (labels != UNKNOWN)
        here = batch[held_out.rows] == name
        head = fit_probe(X[others], labels[others], seed=0)
        expected = transfer(head, X[held_out.rows[here]], threshold=0.0)
        assert held_out.predicted[here].tolist() == expected.labels.tolist()
        assert held_out.confidence[here].tolist() == expected.confidence.tolist()
        assert [split.folds[number].name for number in set(held_out.fold[here])] == [name]


def test_a_labeller_is_given_the_labels_of_the_training_cells_alone():
    _, labels, batch = cells()
    split = split_labelled(labels, batch, seed=0)
    given = []

    def record(train, labels, test, *, seed):
        given.append((train.tolist(), labels.tolist(), test.tolist(), seed))
        return CalledCells(np.full(len(test), "B", dtype=object), np.ones(len(test)))

    label_held_out(record, labels, split, seed=3)

    assert given == [
        (fold.train.tolist(), labels[fold.train].tolist(), fold.test.tolist(), 3)
        for fold in split.folds
    ]


def test_no_scored_cell_is_left_without_an_answer():
    X, labels, batch = cells()
    split = split_labelled(labels, batch, seed=0)

    held_out = label_held_out(by_head(np.zeros_like(X), fit_probe), labels, split, seed=0)

    assert UNKNOWN not in held_out.predicted


def test_labels_come_fold_after_fold():
    labels = np.array(["B", "B", "T", "T", "T", "B"], dtype=object)
    split = Split(
        kind="held-out batch",
        folds=(
            Fold("x", np.array([0, 1, 2]), np.array([3, 4])),
            Fold("y", np.array([3, 4, 5]), np.array([0, 1, 2])),
        ),
        n_labelled=6,
        n_groups=2,
    )

    def name_first(train, labels, test, *, seed):
        return CalledCells(np.full(len(test), labels[0], dtype=object), test / 10)

    held_out = label_held_out(name_first, labels, split, seed=0)

    assert held_out.rows.tolist() == [3, 4, 0, 1, 2]
    assert held_out.fold.tolist() == [0, 0, 1, 1, 1]
    assert held_out.truth.tolist() == ["T", "T", "B", "B", "T"]
    assert held_out.predicted.tolist() == ["B", "B", "T", "T", "T"]
    assert held_out.confidence.tolist() == [0.3, 0.4, 0.0, 0.1, 0.2]
