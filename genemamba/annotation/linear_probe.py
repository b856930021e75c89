"""A linear head that turns embeddings into labels, each with a probability."""

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from genemamba.errors import SchemaError
from genemamba.keys import UNKNOWN

INVERSE_REGULARISATION: Final = 0.1
"""scikit-learn's ``C``, chosen among 0.01, 0.1 and 1 by accuracy on held-out cells of PBMC-68k and
on held-out batches of pancreas panc8 and of a PBMC multi-study set. With the ``small`` preset's
embedding, standardised, 0.1 gave 0.740 on PBMC-68k (0.01: 0.733, 1: 0.717). With principal
components over one scale it gave 0.871 in the mean of the three sets (0.01: 0.867, 1: 0.865).
Weights balanced by class raised mean macro-F1 from 0.738 to 0.748 but cost 0.014 of accuracy, and
the confidence of rare types would be inflated; so cells weigh alike."""

MIN_TYPES: Final = 2
"""A head needs something to tell apart."""

MAX_ITERATIONS: Final = 2_000
"""L-BFGS steps; the sets above converged within 300."""

MAX_CELLS_PER_TYPE: Final = 5_000
"""Cells of one type that are learnt from: a boundary in a few hundred dimensions gains nothing
from more, and memory stays bounded for atlases of any size."""


class LabelTransfer(NamedTuple):
    """Labels that a probe gave to cells."""

    labels: npt.NDArray[np.object_]
    """Best label of each cell, `UNKNOWN` below the threshold, shape ``(n_obs,)``."""
    confidence: npt.NDArray[np.float64]
    """Probability of the best label, in [0, 1], shape ``(n_obs,)``."""
    probabilities: npt.NDArray[np.float64]
    """Rows sum to one, shape ``(n_obs, n_classes)``."""
    classes: tuple[str, ...]
    """Label of each column of ``probabilities``."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LinearProbe:
    """Multinomial logistic regression on centred and scaled dimensions."""

    classes: tuple[str, ...]
    """Labels in sorted order."""
    mean: npt.NDArray[np.float64]
    """Of the learnt cells, shape ``(n_dims,)``."""
    scale: npt.NDArray[np.float64]
    """What each dimension is divided by, positive, shape ``(n_dims,)``."""
    weights: npt.NDArray[np.float64]
    """Shape ``(n_classes, n_dims)``."""
    bias: npt.NDArray[np.float64]
    """Shape ``(n_classes,)``."""

    def transfer(self, X: npt.NDArray[np.floating], *, threshold: float) -> LabelTransfer:
        """Label cells.

        Parameters
        ----------
        X
            Embedding, shape ``(n_obs, n_dims)``.
        threshold
            Probability below which a cell is called `UNKNOWN`; 0 labels every cell.
        """
        logits = ((X - self.mean) / self.scale) @ self.weights.T + self.bias
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities = odds / odds.sum(axis=1, keepdims=True)
        confidence = probabilities.max(axis=1)
        best = np.array(self.classes, dtype=object)[probabilities.argmax(axis=1)]
        return LabelTransfer(
            labels=np.where(confidence < threshold, UNKNOWN, best),
            confidence=confidence,
            probabilities=probabilities,
            classes=self.classes,
        )


def can_learn_from(labels: npt.ArrayLike) -> bool:
    """Say whether two or more types are labelled, which is what a probe needs.

    Parameters
    ----------
    labels
        Label of each cell, `UNKNOWN` where there is none, shape ``(n_obs,)``.
    """
    return len(_types(labels)) >= MIN_TYPES


def check_learnable(labels: npt.ArrayLike) -> None:
    """Refuse labels from which no probe can be learnt.

    Parameters
    ----------
    labels
        Label of each cell, `UNKNOWN` where there is none, shape ``(n_obs,)``.

    Raises
    ------
    SchemaError
        No cell is labelled, or all labelled cells are of one type.
    """
    types = _types(labels)
    if len(types) >= MIN_TYPES:
        return
    raise SchemaError(
        expected="labelled cells of two or more types",
        found=f"only '{types[0]}'" if types else f"no label in {np.size(labels):,} cells",
        remedy="Name the column of the authors' labels with --label-key, or add a labelled deposit.",
    )


def _types(labels: npt.ArrayLike) -> list[str]:
    return sorted({str(label) for label in np.asarray(labels, dtype=object)} - {UNKNOWN})


def fit_probe(
    X: npt.NDArray[np.floating],
    labels: npt.ArrayLike,
    *,
    seed: int,
    standardise: bool = True,
    max_cells_per_type: int = MAX_CELLS_PER_TYPE,
) -> LinearProbe:
    """Learn a probe from the labelled cells; cells labelled `UNKNOWN` are left out.

    Equal arguments give an equal probe.

    Parameters
    ----------
    X
        Embedding, shape ``(n_obs, n_dims)``.
    labels
        Label of each cell, shape ``(n_obs,)``.
    seed
        Draws the cells of types with more than ``max_cells_per_type``.
    standardise
        Divide each dimension by its own standard deviation; else all by one, the root of their
        mean variance. For principal components, whose spread says how much they matter: whitened,
        the noise of the last weighs as much as the first.
    max_cells_per_type
        Cells of one type that are learnt from.

    Raises
    ------
    SchemaError
        No cell is labelled, or all labelled cells are of one type.
    """
    labels = np.asarray(labels, dtype=object)
    check_learnable(labels)
    rows = draw_labelled(labels, seed=seed, max_cells_per_type=max_cells_per_type)
    X_seen = np.asarray(X[rows], dtype=np.float64)
    mean, scale = X_seen.mean(axis=0), _scale(X_seen, standardise=standardise)
    model = LogisticRegression(C=INVERSE_REGULARISATION, max_iter=MAX_ITERATIONS)
    # The products of each step are so small that handing them to BLAS threads costs more than
    # computing them: 0.07 s became 4.5 s on two busy cores. One thread also repeats its digits.
    with threadpool_limits(1, user_api="blas"):
        model.fit((X_seen - mean) / scale, labels[rows].astype(str))
    weights, bias = _softmax_form(model.coef_, model.intercept_)
    return LinearProbe(
        classes=tuple(map(str, model.classes_)), mean=mean, scale=scale, weights=weights, bias=bias
    )


def _scale(X: npt.NDArray[np.float64], *, standardise: bool) -> npt.NDArray[np.float64]:
    """Return what to divide each dimension by: 1 where nothing varies."""
    variance = X.var(axis=0)
    scale = np.sqrt(variance if standardise else np.full_like(variance, variance.mean()))
    scale[scale == 0] = 1.0
    return np.asarray(scale)


def draw_labelled(
    labels: npt.NDArray[np.object_], *, seed: int, max_cells_per_type: int = MAX_CELLS_PER_TYPE
) -> npt.NDArray[np.intp]:
    """Draw the cells that a probe learns from; drawing from what was drawn takes them all.

    Parameters
    ----------
    labels
        Label of each cell, `UNKNOWN` where there is none, shape ``(n_obs,)``.
    seed
        Of the draw.
    max_cells_per_type
        Cells of one type, at most.

    Returns
    -------
    Rows of labelled cells, ascending.
    """
    rng = np.random.default_rng(seed)
    drawn = [np.empty(0, dtype=np.intp)]
    for cell_type in sorted(set(labels) - {UNKNOWN}):
        rows = np.flatnonzero(labels == cell_type)
        if len(rows) > max_cells_per_type:
            rows = rng.choice(rows, max_cells_per_type, replace=False)
        drawn.append(rows)
    return np.sort(np.concatenate(drawn))


def _softmax_form(
    weights: npt.NDArray[np.float64], bias: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Give two classes a row each, where scikit-learn keeps one row of log odds."""
    if len(bias) > 1:
        return weights, bias
    return np.vstack([np.zeros_like(weights), weights]), np.array([0.0, bias[0]])
