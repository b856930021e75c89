"""Every method answers for the same cells, by the same head."""

import numpy as np

from genemamba.annotation.linear_probe import fit_probe
from genemamba.evaluation.annotation.splits import Fold, Split, split_labelled
from genemamba.evaluation.annotation.transfer import majority_vote, transfer_labels
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

    held_out = transfer_labels(X, labels, split, seed=0)

    assert sorted(held_out.rows) == np.flatnonzero(labels != UNKNOWN).tolist()
    assert held_out.truth.tolist() == labels[held_out.rows].tolist()
    for row, predicted in zip(held_out.rows, held_out.predicted, strict=True):
        others = (batch != batch[row]) & (labels != UNKNOWN)
        head = fit_probe(X[others], labels[others], seed=0)
        assert head.transfer(X[[row]], threshold=0.0).labels[0] == predicted
        if row > held_out.rows[5]:
            break


def test_labels_of_the_held_out_cells_do_not_reach_the_head():
    X, labels, batch = cells()
    split = split_labelled(labels, batch, seed=0)
    test = split.folds[0].test
    falsified = labels.copy()
    falsified[test] = np.roll(labels[test], 1)

    honest = transfer_labels(X, labels, split, seed=0)
    blind = transfer_labels(X, falsified, split, seed=0)

    assert blind.predicted[: len(test)].tolist() == honest.predicted[: len(test)].tolist()


def test_no_scored_cell_is_left_without_an_answer():
    X, labels, batch = cells()
    split = split_labelled(labels, batch, seed=0)

    held_out = transfer_labels(np.zeros_like(X), labels, split, seed=0)

    assert UNKNOWN not in held_out.predicted


def test_majority_vote_takes_the_training_cells_most_frequent_label():
    labels = np.array(["B", "B", "T", "T", "T", "B"], dtype=object)
    split = Split(
        kind="held-out batch",
        folds=(
            Fold("x", np.array([0, 1, 2]), np.array([3, 4, 5])),
            Fold("y", np.array([3, 4, 5]), np.array([0, 1, 2])),
        ),
        n_labelled=6,
        n_batches=2,
    )

    held_out = majority_vote(labels, split)

    assert held_out.rows.tolist() == [3, 4, 5, 0, 1, 2]
    assert held_out.predicted.tolist() == ["B", "B", "B", "T", "T", "T"]
    assert held_out.truth.tolist() == ["T", "T", "B", "B", "B", "T"]
