"""Harmony: the baseline that removes batches from principal components."""

import warnings
from typing import Final

import numpy as np
import numpy.typing as npt

X_HARMONY: Final = "X_harmony"
"""Name of the embedding."""

CELLS_PER_CLUSTER: Final = 30
"""One of Harmony's soft clusters per so many cells."""

MAX_CLUSTERS: Final = 100
"""And never more; both are Harmony's own defaults (Korsunsky et al. 2019)."""


def harmony_embedding(
    X: npt.NDArray[np.floating], batch: npt.ArrayLike, *, seed: int
) -> npt.NDArray[np.float32]:
    """Correct an embedding for batches with harmonypy's defaults.

    It is told the batches and no label, like every integration method.

    Parameters
    ----------
    X
        Principal components, shape ``(n_obs, n_comps)``.
    batch
        Experimental batch of each cell, shape ``(n_obs,)``.
    seed
        Of the first clusters.

    Returns
    -------
    Shape ``(n_obs, n_comps)``.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import harmonypy

    corrected = harmonypy.run_harmony(
        # Cells in columns: rows are taken for them where there are as many components.
        np.asarray(X, dtype=np.float64).T,
        {"batch": np.asarray(batch, dtype=object).astype(str)},
        "batch",
        # harmonypy's own rule gives none to fewer than 15 cells.
        nclust=max(1, min(round(len(X) / CELLS_PER_CLUSTER), MAX_CLUSTERS)),
        random_state=seed,
        ncores=1,
        verbose=False,
    )
    return np.asarray(corrected.Z_corr, dtype=np.float32)
