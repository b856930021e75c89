"""Two dimensions for the eye."""

import warnings
from typing import Final

import numpy as np
import numpy.typing as npt
from sklearn.neighbors import NearestNeighbors

N_NEIGHBORS: Final = 15
"""Neighbourhood, as in scanpy."""

MIN_DIST: Final = 0.5
"""Closeness of points, as in scanpy: umap-learn's 0.1 packs types into specks."""

MIN_CELLS: Final = 4
"""With fewer there is no neighbourhood to lay out."""


def umap_coordinates(X: npt.NDArray[np.floating], *, seed: int) -> npt.NDArray[np.float32]:
    """Lay cells out in the plane; equal arguments give equal coordinates.

    Starts from the first two principal components, which keeps the large distances meaningful
    (Kobak and Linderman 2021, Initialization is critical for preserving global data structure).
    Neighbours are exact. Distances on the page are for the eye, not for measurement.

    Parameters
    ----------
    X
        Embedding, shape ``(n_obs, n_dims)``.
    seed
        Of the optimisation; a seed makes it run on one thread.

    Returns
    -------
    Shape ``(n_obs, 2)``; fewer than `MIN_CELLS` cells, or cells that are all alike, lie on a
    line.
    """
    X = np.asarray(X, dtype=np.float32)
    n_obs = len(X)
    if n_obs < MIN_CELLS or (X[0] == X).all():
        return np.column_stack([np.arange(n_obs), np.zeros(n_obs)]).astype(np.float32)
    # umap-learn brings numba along: seconds that no other command should wait for.
    from umap import UMAP

    if X.shape[1] < 2:
        # The start takes two components; a constant dimension moves no cell.
        X = np.column_stack([X, np.zeros_like(X)])
    k = min(N_NEIGHBORS, n_obs - 1)
    search = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(X)
    distances, indices = search.kneighbors(X)
    layout = UMAP(
        n_neighbors=k,
        min_dist=MIN_DIST,
        init="pca",
        random_state=seed,
        n_jobs=1,
        precomputed_knn=(indices, distances),
    )
    with warnings.catch_warnings():
        # Nothing is laid out later, so no search index is needed.
        warnings.filterwarnings("ignore", message="precomputed_knn", category=UserWarning)
        return np.asarray(layout.fit_transform(X), dtype=np.float32)
