"""The nearest labelled cells of each cell, found exactly."""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

CELLS_PER_BLOCK: Final = 512
"""Cells that are searched for at once: their distances to 30 neighbours in 512 dimensions are
computed anew in 63 MB."""


class Nearest(NamedTuple):
    """Neighbours of each cell, nearest first; each of shape ``(n_obs, k)``."""

    rows: npt.NDArray[np.int64]
    """Rows of the reference."""
    distances: npt.NDArray[np.float64]
    """Euclidean distances."""


def nearest(reference: npt.NDArray[np.float32], X: npt.NDArray[np.floating], *, k: int) -> Nearest:
    """Find the nearest cells of a reference, by exhaustive search.

    Which cells come along changes nothing: FAISS finds the neighbours with the rounding errors of
    a matrix product, and their distances are then computed one by one.

    Parameters
    ----------
    reference
        Cells to find, C-contiguous, shape ``(n_ref, n_dims)``. Best centred, which keeps those
        errors small.
    X
        Cells to find neighbours of, shape ``(n_obs, n_dims)``.
    k
        Neighbours of each; all of the reference where it is smaller.
    """
    # Loading FAISS takes 0.1 s, which no command should pay that does not search.
    import faiss  # noqa: F401

    k = min(k, len(reference))
    rows = np.empty((len(X), k), dtype=np.int64)
    distances = np.empty((len(X), k))
    # FAISS and torch each bring an OpenMP of their own, whose threads spin while they wait for
    # work: on two busy cores the search took three times as long with two threads as with one.
    with threadpool_limits(1):
        for start in range(0, len(X), CELLS_PER_BLOCK):
            here = slice(start, start + CELLS_PER_BLOCK)
            rows[here], distances[here] = _nearest_of_block(reference, X[here], k)
    return Nearest(rows, distances)


def _nearest_of_block(
    reference: npt.NDArray[np.float32], X: npt.NDArray[np.floating], k: int
) -> Nearest:
    import faiss

    X = np.ascontiguousarray(X, dtype=np.float32)
    rows = faiss.knn(X, reference, k)[1]
    difference = reference[rows].astype(np.float64) - X[:, np.newaxis]
    distances = np.sqrt(np.einsum("nkd,nkd->nk", difference, difference))
    # Of cells equally near, the first in the reference comes first.
    order = np.lexsort((rows, distances), axis=1)
    return Nearest(
        np.take_along_axis(rows, order, axis=1), np.take_along_axis(distances, order, axis=1)
    )
