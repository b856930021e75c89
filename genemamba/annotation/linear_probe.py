"""A linear head that turns embeddings into labels, each with a probability."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from genemamba.annotation.labelled_cells import (
    MAX_CELLS_PER_TYPE,
    check_learnable,
    draw_labelled,
)

INVERSE_REGULARISATION: Final = 0.1
"""scikit-learn's ``C``, chosen among 0.01, 0.1 and 1 by accuracy on held-out cells of PBMC-68k and
on held-out batches of pancreas panc8 and of a PBMC multi-study set. With the ``small`` preset's
embedding, standardised, 0.1 gave 0.740 on PBMC-68k (0.01: 0.733, 1: 0.717). With principal
components over one scale it gave 0.871 in the mean of the three sets (0.01: 0.867, 1: 0.865).
Weights balanced by class raised mean macro-F1 from 0.738 to 0.748 but cost 0.014 of accuracy, and
the confidence of rare types would be inflated; so cells weigh alike."""

MAX_ITERATIONS: Final = 2_000
"""L-BFGS steps; the sets above converged within 300."""


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

    def logits(self, X: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Return the log odds of each label, shape ``(n_obs, n_classes)``.

        Parameters
        ----------
        X
            Embedding, shape ``(n_obs, n_dims)``.
        """
        return np.asarray(((X - self.mean) / self.scale) @ self.weights.T + self.bias)


def fit_probe(
    X: npt.NDArray[np.floating],
    labels: npt.ArrayLike,
    *,
    seed: int,
    standardise: bool = True,
    max_cells_per_type: int = MAX_CELLS_PER_TYPE,
    class_weight_power: float = 0.0,
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
    class_weight_power
        A cell weighs its type's number of cells to minus this, the mean over cells being 1; 0 weighs
        them alike.

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
        model.fit(
            (X_seen - mean) / scale,
            labels[rows].astype(str),
            sample_weight=_cell_weights(labels[rows].astype(str), class_weight_power),
        )
    weights, bias = _softmax_form(model.coef_, model.intercept_)
    return LinearProbe(
        classes=tuple(map(str, model.classes_)), mean=mean, scale=scale, weights=weights, bias=bias
    )


def _cell_weights(labels: npt.NDArray[np.str_], power: float) -> npt.NDArray[np.float64] | None:
    if not power:
        return None
    _, numbers, counts = np.unique(labels, return_inverse=True, return_counts=True)
    weights = counts[numbers] ** -power
    return np.asarray(weights / weights.mean())


def _scale(X: npt.NDArray[np.float64], *, standardise: bool) -> npt.NDArray[np.float64]:
    """Return what to divide each dimension by: 1 where nothing varies."""
    variance = X.var(axis=0)
    scale = np.sqrt(variance if standardise else np.full_like(variance, variance.mean()))
    scale[scale == 0] = 1.0
    return np.asarray(scale)


def _softmax_form(
    weights: npt.NDArray[np.float64], bias: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Give two classes a row each, where scikit-learn keeps one row of log odds."""
    if len(bias) > 1:
        return weights, bias
    return np.vstack([np.zeros_like(weights), weights]), np.array([0.0, bias[0]])
