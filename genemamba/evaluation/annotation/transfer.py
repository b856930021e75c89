"""Labels for held-out cells, each by a labeller that never saw its own."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genemamba.evaluation.annotation.folds import Split
from genemamba.evaluation.annotation.labellers import CalledCells, Labeller


class HeldOutLabels(NamedTuple):
    """Labels of the cells that were scored, fold after fold; each of shape ``(n_scored,)``."""

    rows: npt.NDArray[np.intp]
    """Row of each scored cell."""
    fold: npt.NDArray[np.intp]
    """Number of the fold that scored it."""
    truth: npt.NDArray[np.object_]
    """Author's label."""
    predicted: npt.NDArray[np.object_]
    """Label by a labeller that never saw the cell's; every cell gets its best one."""
    confidence: npt.NDArray[np.float64]
    """What the labeller takes for the probability of that label."""


def label_held_out(
    labeller: Labeller, labels: npt.ArrayLike, split: Split, *, seed: int
) -> HeldOutLabels:
    """Label the held-out cells of each fold.

    No confidence threshold is applied, so that every method answers for every cell.

    Parameters
    ----------
    labeller
        Given the labels of each fold's training cells.
    labels
        Author's label of each cell, shape ``(n_obs,)``.
    split
        Who is learnt from and who is scored.
    seed
        Of the labeller.
    """
    labels = np.asarray(labels, dtype=object)
    called = [
        labeller(fold.train, labels[fold.train], fold.test, seed=seed) for fold in split.folds
    ]
    rows = np.concatenate([fold.test for fold in split.folds])
    return HeldOutLabels(
        rows=rows,
        fold=np.repeat(np.arange(len(split.folds)), [len(fold.test) for fold in split.folds]),
        truth=labels[rows],
        predicted=_concatenate(called, "labels").astype(object),
        confidence=_concatenate(called, "confidence").astype(np.float64),
    )


def _concatenate(called: list[CalledCells], name: str) -> npt.NDArray[np.generic]:
    return np.concatenate([np.asarray(getattr(cells, name)) for cells in called])
