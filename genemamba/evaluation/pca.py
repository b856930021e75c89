"""The embedding anyone can have without a model: principal components of log counts."""

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix
from scipy.sparse.linalg import LinearOperator, svds
from threadpoolctl import threadpool_limits

TARGET_SUM: Final = 10_000
"""Counts a cell is scaled to before the logarithm, as in scanpy's and Seurat's tutorials."""


def log_normalise(counts: csr_matrix) -> csr_matrix:
    """Scale each cell to `TARGET_SUM` counts and take log(1 + x).

    Parameters
    ----------
    counts
        Raw counts, shape ``(n_obs, n_vars)``. A cell without counts stays zero.

    Returns
    -------
    float32, same shape.
    """
    totals = np.asarray(counts.sum(axis=1), dtype=np.float64).ravel()
    factors = TARGET_SUM / np.where(totals > 0, totals, 1.0)
    data = np.log1p(counts.data * np.repeat(factors, np.diff(counts.indptr)))
    return csr_matrix((data.astype(np.float32), counts.indices, counts.indptr), shape=counts.shape)


def log_normalised_pca(
    counts: csr_matrix, *, n_comps: int = 50, seed: int
) -> npt.NDArray[np.float32]:
    """Project cells on the principal components of their log-normalised counts.

    All genes are used: a choice of variable genes would be one more thing that may favour or harm
    the baseline. The matrix is centred implicitly and never made dense, so memory is that of the
    counts plus ``n_comps`` vectors. Equal arguments give equal components, signs included.

    Parameters
    ----------
    counts
        Raw counts, shape ``(n_obs, n_vars)``.
    n_comps
        Components; fewer where cells or genes are too few.
    seed
        Of the start vector of ARPACK's iteration.

    Returns
    -------
    Shape ``(n_obs, n_comps)``, components by falling variance. One component of zeros where
    nothing varies: below two cells or two genes, or where all cells are alike.
    """
    return principal_components(log_normalise(counts), n_comps=n_comps, seed=seed)


def principal_components(X: csr_matrix, *, n_comps: int = 50, seed: int) -> npt.NDArray[np.float32]:
    """Project cells on the principal components of a sparse matrix.

    Parameters
    ----------
    X
        Shape ``(n_obs, n_vars)``.
    n_comps, seed
        As for `log_normalised_pca`.

    Returns
    -------
    As `log_normalised_pca`.
    """
    k = min(n_comps, min(X.shape) - 1)
    if k < 1 or not _varies(X):
        return np.zeros((X.shape[0], 1), dtype=np.float32)
    v0 = np.random.default_rng(seed).standard_normal(min(X.shape))
    # ARPACK's products are small: BLAS threads only wait for each other.
    with threadpool_limits(1, user_api="blas"):
        u, s, vt = svds(_centred(X), k=k, v0=v0, solver="arpack")
    order = np.argsort(-s)
    return np.asarray((u * s * _signs(vt))[:, order], dtype=np.float32)


def _varies(X: csr_matrix) -> bool:
    """Say whether any gene differs between cells: ARPACK cannot start from nothing."""
    return not np.array_equal(X.max(axis=0).toarray(), X.min(axis=0).toarray())


def _centred(X: csr_matrix) -> LinearOperator:
    """Subtract the column means from every product instead of from the matrix.

    (X - 1 m') v = X v - 1 (m'v) and (X - 1 m')' u = X'u - m (1'u).
    """
    mean = np.asarray(X.mean(axis=0), dtype=np.float64).ravel()
    X_t = X.T.tocsr()

    def forward(v: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.asarray(X @ v - mean @ v)

    def adjoint(u: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.asarray(X_t @ u - np.multiply.outer(mean, u.sum(axis=0)))

    return LinearOperator(
        X.shape, matvec=forward, rmatvec=adjoint, matmat=forward, rmatmat=adjoint, dtype=np.float64
    )


def _signs(vt: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Make each component's largest loading positive: a component's sign means nothing."""
    largest = np.abs(vt).argmax(axis=1)
    return np.asarray(np.sign(vt[np.arange(len(vt)), largest]))
