"""Exact nearest neighbours, found once for all the metrics that ask for them."""

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
from sklearn.neighbors import NearestNeighbors

if TYPE_CHECKING:
    from scib_metrics.nearest_neighbors import NeighborsResults

MAX_NEIGHBORS: Final = 90
"""The largest neighbourhood of any scIB metric, the cell itself included."""


def exact_neighbors(X: npt.NDArray[np.floating]) -> "NeighborsResults":
    """Find the `MAX_NEIGHBORS` nearest cells of each cell, itself included.

    Brute force: exact, deterministic, and without the seconds that an approximate index needs to
    start; the cost grows with the square of ``n_obs``.

    Parameters
    ----------
    X
        Embedding, shape ``(n_obs, n_dims)``.

    Returns
    -------
    Indices and Euclidean distances, shape ``(n_obs, min(n_obs, MAX_NEIGHBORS))``.
    """
    # scib-metrics takes JAX and scanpy along: 4 s that no other command should wait for.
    from scib_metrics.nearest_neighbors import NeighborsResults

    search = NearestNeighbors(n_neighbors=min(MAX_NEIGHBORS, len(X)), algorithm="brute").fit(X)
    distances, indices = search.kneighbors(X)
    return NeighborsResults(indices=indices, distances=distances)


def nearest(neighbors: "NeighborsResults", n: int) -> "NeighborsResults":
    """Keep the ``n`` nearest, or all where there are fewer cells."""
    return neighbors.subset_neighbors(n=min(n, neighbors.n_neighbors))
