"""Embeddings whose scores are known beforehand, which show what a metric can tell."""

from typing import Final

import numpy as np
import numpy.typing as npt

from genemamba.keys import UNKNOWN

RANDOM: Final = "random"
"""Name of the control that knows nothing."""

PERFECT: Final = "perfect"
"""Name of the control that knows every label and no batch."""

SHUFFLED: Final = "shuffled"
"""Name of the control that has our embedding's shape and knows nothing."""

NOISE: Final = 1e-3
"""Spread of a perfect type, whose centres lie sqrt(2) apart: cells differ, types stay points."""


def random_embedding(n_obs: int, *, n_dims: int = 50, seed: int) -> npt.NDArray[np.float32]:
    """Draw every coordinate from the standard normal distribution.

    Parameters
    ----------
    n_obs
        Cells.
    n_dims
        Dimensions, as many as the PCA baseline has by default.
    seed
        Of the draw.

    Returns
    -------
    Shape ``(n_obs, n_dims)``.
    """
    return np.random.default_rng(seed).standard_normal((n_obs, n_dims)).astype(np.float32)


def perfect_embedding(labels: npt.ArrayLike, *, seed: int) -> npt.NDArray[np.float32]:
    """Put each type at its own corner of a simplex, with `NOISE` around it.

    Unlabelled cells are dealt to the corners as often as labelled ones, so that a batch without
    labels mixes with the others as well as it can. Without any label there is one corner.

    Parameters
    ----------
    labels
        Label of each cell, `UNKNOWN` where there is none, shape ``(n_obs,)``.
    seed
        Of the noise and the dealing.

    Returns
    -------
    Shape ``(n_obs, n_types)``.
    """
    rng = np.random.default_rng(seed)
    labels = np.asarray(labels, dtype=object).astype(str)
    known = labels != UNKNOWN
    if not known.any():
        known[:] = True
    types, corner_of_known = np.unique(labels[known], return_inverse=True)
    corner = np.empty(len(labels), dtype=int)
    corner[known] = corner_of_known
    corner[~known] = rng.choice(corner_of_known, np.count_nonzero(~known))
    noise = rng.normal(0.0, NOISE, (len(labels), len(types)))
    return np.asarray(np.eye(len(types))[corner] + noise, dtype=np.float32)


def shuffled_embedding(X: npt.NDArray[np.floating], *, seed: int) -> npt.NDArray[np.float32]:
    """Give every cell the embedding of another one, drawn without a look at anything.

    What an embedding scores by its shape alone: clumps, dimensions and scale stay as they are.

    Parameters
    ----------
    X
        Embedding, shape ``(n_obs, n_dims)``.
    seed
        Of the permutation.

    Returns
    -------
    The same rows in another order.
    """
    order = np.random.default_rng(seed).permutation(len(X))
    return np.asarray(X[order], dtype=np.float32)
