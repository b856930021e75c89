"""Ways of labelling cells on one interface, whatever they look at."""

from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from genemamba.annotation.head import FitHead, transfer


class CalledCells(NamedTuple):
    """What a labeller says about some cells."""

    labels: npt.NDArray[np.object_]
    """Best label of each cell, shape ``(n_obs,)``."""
    confidence: npt.NDArray[np.float64]
    """What the labeller takes for the probability of that label, in [0, 1], shape ``(n_obs,)``."""


class Labeller(Protocol):
    """Learns from some cells of an atlas and labels others.

    It may know embedding or counts of every cell, but it is given the labels of the training cells
    alone.
    """

    def __call__(
        self,
        train: npt.NDArray[np.intp],
        labels: npt.NDArray[np.object_],
        test: npt.NDArray[np.intp],
        *,
        seed: int,
    ) -> CalledCells:
        """Label cells.

        Parameters
        ----------
        train
            Rows of the cells to learn from, shape ``(n_train,)``.
        labels
            Their labels, shape ``(n_train,)``.
        test
            Rows of the cells to label, shape ``(n_test,)``.
        seed
            Of everything random; equal arguments give equal labels.
        """


def by_head(X: npt.NDArray[np.floating], fit: FitHead) -> Labeller:
    """Label cells by a head on an embedding.

    Parameters
    ----------
    X
        Embedding of every cell, shape ``(n_obs, n_dims)``.
    fit
        Learns the head.
    """

    def label(
        train: npt.NDArray[np.intp],
        labels: npt.NDArray[np.object_],
        test: npt.NDArray[np.intp],
        *,
        seed: int,
    ) -> CalledCells:
        found = transfer(fit(X[train], labels, seed=seed), X[test], threshold=0.0)
        return CalledCells(found.labels, found.confidence)

    return label
