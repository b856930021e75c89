"""Labels for held-out cells by the same head, whatever the embedding."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genemamba.annotation.linear_probe import fit_probe
from genemamba.evaluation.annotation.splits import Split


class HeldOutLabels(NamedTuple):
    """Labels of the cells that were scored, fold after fold."""

    rows: npt.NDArray[np.intp]
    """Row of each scored cell."""
    truth: npt.NDArray[np.object_]
    """Author's label."""
    predicted: npt.NDArray[np.object_]
    """Label by a head that never saw the cell's; every cell gets its best one."""


def transfer_labels(
    X: npt.NDArray[np.floating],
    labels: npt.ArrayLike,
    split: Split,
    *,
    seed: int,
    standardise: bool = True,
) -> HeldOutLabels:
    """Predict the held-out cells of each fold from an embedding.

    No confidence threshold is applied, so that every method answers for every cell.

    Parameters
    ----------
    X
        Embedding, shape ``(n_obs, n_dims)``.
    labels
        Author's label of each cell, shape ``(n_obs,)``.
    split
        Who is learnt from and who is scored.
    seed, standardise
        As for `fit_probe`.
    """
    labels = np.asarray(labels, dtype=object)
    predicted = [
        fit_probe(X[fold.train], labels[fold.train], seed=seed, standardise=standardise)
        .transfer(X[fold.test], threshold=0.0)
        .labels
        for fold in split.folds
    ]
    return _held_out(labels, split, predicted)


def majority_vote(labels: npt.ArrayLike, split: Split) -> HeldOutLabels:
    """Call each held-out cell the most frequent label of its fold's training cells.

    Parameters
    ----------
    labels
        Author's label of each cell, shape ``(n_obs,)``.
    split
        Who is learnt from and who is scored.
    """
    labels = np.asarray(labels, dtype=object)
    predicted = []
    for fold in split.folds:
        types, counts = np.unique(labels[fold.train].astype(str), return_counts=True)
        winner = str(types[counts.argmax()])
        predicted.append(np.full(len(fold.test), winner, dtype=object))
    return _held_out(labels, split, predicted)


def _held_out(
    labels: npt.NDArray[np.object_], split: Split, predicted: list[npt.NDArray[np.object_]]
) -> HeldOutLabels:
    rows = np.concatenate([fold.test for fold in split.folds])
    return HeldOutLabels(rows=rows, truth=labels[rows], predicted=np.concatenate(predicted))
