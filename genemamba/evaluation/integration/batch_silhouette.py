"""The average silhouette width of batches within cell types, as scIB first defined it."""

import numpy as np
import numpy.typing as npt
from sklearn.metrics import silhouette_samples


def batch_silhouette(
    X: npt.NDArray[np.floating], labels: npt.NDArray[np.str_], batch: npt.NDArray[np.str_]
) -> float:
    """Return how far the batches of each type lie on top of each other.

    Mean over types of the mean over a type's cells of 1 - |s|, where s is the silhouette of the
    cell's batch among the cells of its type, in Euclidean distances (Luecken et al. 2022,
    Benchmarking atlas-level data integration in single-cell genomics: ASW batch). Types that lie
    in one batch, or have one cell a batch, are left out. scib-metrics' ``silhouette_batch`` gives
    the same and compiles for seconds for every size of a type; scIB itself calls scikit-learn.

    Parameters
    ----------
    X
        Embedding, shape ``(n_obs, n_dims)``.
    labels, batch
        Of each cell, shape ``(n_obs,)``.

    Returns
    -------
    In [0, 1], 1 where batches cannot be told apart.

    Raises
    ------
    ValueError
        No type lies in several batches.
    """
    of_types = []
    for name in np.unique(labels):
        is_type = labels == name
        n_batches = len(np.unique(batch[is_type]))
        if 1 < n_batches < np.count_nonzero(is_type):
            silhouettes = silhouette_samples(X[is_type], batch[is_type])
            of_types.append(float(np.mean(1 - np.abs(silhouettes))))
    if not of_types:
        msg = "No type has two or more batches and more cells than batches."
        raise ValueError(msg)
    return float(np.mean(of_types))
