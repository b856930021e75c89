"""What every head is: a function from an embedding to one logit for each label."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from genemamba.keys import UNKNOWN


class Head(Protocol):
    """Turns an embedding into labels, each cell by itself."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Labels in sorted order, one a column of the logits."""

    def logits(self, X: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Score each label; the softmax of a row gives its probabilities.

        Parameters
        ----------
        X
            Embedding, shape ``(n_obs, n_dims)``.

        Returns
        -------
        Shape ``(n_obs, n_classes)``, finite.
        """


FitHead = Callable[..., Head]
"""``fit(X, labels, *, seed)``: learns from the labelled cells; equal arguments, equal head."""


class LabelTransfer(NamedTuple):
    """Labels that a head gave to cells."""

    labels: npt.NDArray[np.object_]
    """Best label of each cell, `UNKNOWN` below the threshold, shape ``(n_obs,)``."""
    confidence: npt.NDArray[np.float64]
    """Probability of the best label, in [0, 1], shape ``(n_obs,)``."""
    probabilities: npt.NDArray[np.float64]
    """Rows sum to one, shape ``(n_obs, n_classes)``."""
    classes: tuple[str, ...]
    """Label of each column of ``probabilities``."""


def transfer(head: Head, X: npt.NDArray[np.floating], *, threshold: float) -> LabelTransfer:
    """Label cells.

    Parameters
    ----------
    head
        Learnt from labelled cells.
    X
        Embedding, shape ``(n_obs, n_dims)``.
    threshold
        Probability below which a cell is called `UNKNOWN`; 0 labels every cell.
    """
    probabilities_NC = probabilities(head, X)
    confidence = probabilities_NC.max(axis=1)
    best = np.array(head.classes, dtype=object)[probabilities_NC.argmax(axis=1)]
    return LabelTransfer(
        labels=np.where(confidence < threshold, UNKNOWN, best),
        confidence=confidence,
        probabilities=probabilities_NC,
        classes=head.classes,
    )


def probabilities(head: Head, X: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Return the probability of each label, shape ``(n_obs, n_classes)``.

    Parameters
    ----------
    head
        Learnt from labelled cells.
    X
        Embedding, shape ``(n_obs, n_dims)``.
    """
    return softmax(head.logits(X))


def softmax(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Turn each row of logits into probabilities that sum to one, however large the logits."""
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))
