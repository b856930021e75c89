"""Which genes rise and fall together over cells: the correlation of log-normalised counts."""

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, vstack

from genemamba.atlas.versions.view import AtlasView
from genemamba.evaluation.pca import log_normalise

ROWS_AT_ONCE: Final = 512
"""Cells that are dense at a time: 4 MB at 2,000 genes."""


def log_counts(view: AtlasView, rows: NDArray[np.int64], gene_ids: list[str]) -> csr_matrix:
    """Read some cells' log-normalised counts of some genes.

    Parameters
    ----------
    view
        The atlas version; it is read block by block.
    rows
        Wanted cells, ascending, shape ``(n_cells,)``.
    gene_ids
        Wanted genes. Cells are scaled by the counts of all their genes.

    Returns
    -------
    float32, shape ``(n_cells, n_genes)``.
    """
    columns = view.var.index.get_indexer(pd.Index(gene_ids))
    parts, start = [], 0
    for block in view.blocks():
        first, last = np.searchsorted(rows, [start, start + block.n_obs])
        if first < last:
            parts.append(log_normalise(block.read()[rows[first:last] - start])[:, columns])
        start += block.n_obs
    return csr_matrix(vstack(parts, format="csr"))


def correlation_matrix(X: csr_matrix) -> NDArray[np.float32]:
    """Return the Pearson correlation of every two columns, zeros counted.

    Parameters
    ----------
    X
        Shape ``(n_cells, n_genes)``.

    Returns
    -------
    Shape ``(n_genes, n_genes)``; 0 with a column that does not vary.
    """
    n_obs, n_genes = X.shape
    mean = np.asarray(X.mean(axis=0), dtype=np.float64).ravel()
    products = np.zeros((n_genes, n_genes))
    for start in range(0, n_obs, ROWS_AT_ONCE):
        # Centred before, so that float32 is enough for the products of a block.
        centred = (X[start : start + ROWS_AT_ONCE].toarray() - mean).astype(np.float32)
        products += centred.T @ centred
    spread = np.sqrt(products.diagonal())
    # What is left of a constant column is rounding.
    varies = spread > 1e-5 * np.maximum(1.0, np.abs(mean)) * np.sqrt(n_obs)
    scale = np.where(varies, spread, np.inf)
    return np.asarray(products / scale[:, None] / scale, dtype=np.float32)


def level_similarity(X: csr_matrix) -> NDArray[np.float32]:
    """Return how near any two genes' mean values are: minus their distance.

    What says no more than that is told by it: a baseline for every other likeness of genes.

    Parameters
    ----------
    X
        Shape ``(n_cells, n_genes)``.

    Returns
    -------
    Shape ``(n_genes, n_genes)``, at most 0.
    """
    mean = np.asarray(X.mean(axis=0), dtype=np.float64).ravel()
    return np.asarray(-np.abs(mean[:, None] - mean), dtype=np.float32)
