"""Scrublet on the cells of one part: genes are chosen, doublets simulated, neighbours counted."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

CPM: Final = 1e6
"""Sum to which cells are scaled before the decomposition, as in ``scanpy.pp.scrublet``."""

N_COMPONENTS: Final = 30
"""Principal components, as in Scrublet."""

MIN_CELLS_OF_GENE: Final = 3
"""Cells that must have a gene, as in ``scanpy.pp.scrublet``."""

MIN_GENES_OF_CELL: Final = 3
"""Genes that a cell must have, as in ``scanpy.pp.scrublet``."""


class PartScores(NamedTuple):
    """Scores of the cells of a part, and of the doublets that were simulated from them."""

    observed: NDArray[np.float32]
    """NaN for cells with too few genes, shape ``(n_obs,)``."""
    simulated: NDArray[np.float64]
    """Two for each cell that was scored, shape ``(n_sim,)``."""


@contextmanager
def _one_thread() -> Iterator[None]:
    """Add numbers in one order: more threads round otherwise, which swaps close neighbours."""
    import numba

    before = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        numba.set_num_threads(before)


@_one_thread()
def score_part(
    counts: csr_matrix, *, seed: int, min_n_obs: int
) -> PartScores | Literal["few-cells", "few-genes"]:
    """Score cells against doublets simulated from them, on one thread.

    Parameters
    ----------
    counts
        Raw counts, shape ``(n_obs, n_vars)``.
    seed
        Of the simulation and the decomposition.
    min_n_obs
        Cells with at least `MIN_GENES_OF_CELL` genes that are needed.

    Returns
    -------
    The scores, or why there are none.
    """
    n_of_gene = np.bincount(counts.indices, minlength=counts.shape[1])
    counts = counts[:, n_of_gene >= MIN_CELLS_OF_GENE].astype(np.float32)
    enough = np.diff(counts.indptr) >= MIN_GENES_OF_CELL
    if enough.sum() < min_n_obs:
        return "few-cells"
    counts = counts if enough.all() else counts[enough]
    variable = _variable_genes(counts) if counts.shape[1] > N_COMPONENTS else np.zeros(0, bool)
    if variable.sum() <= N_COMPONENTS:
        return "few-genes"
    found = _scrublet(counts[:, variable], seed=seed)
    observed = np.full(len(enough), np.nan, dtype=np.float32)
    observed[enough] = found.observed
    return found._replace(observed=observed)


def _variable_genes(counts: csr_matrix) -> NDArray[np.bool_]:
    """Choose genes as ``scanpy.pp.scrublet`` does, from log-normalised counts."""
    import scanpy as sc
    from anndata import AnnData

    totals = np.asarray(counts.sum(axis=1)).ravel()
    logged = _scale_rows(counts, np.median(totals))
    np.log1p(logged.data, out=logged.data)
    found = sc.pp.highly_variable_genes(AnnData(logged), inplace=False)
    chosen: NDArray[np.bool_] = found["highly_variable"].to_numpy(dtype=bool)
    return chosen


def _scrublet(counts: csr_matrix, *, seed: int) -> PartScores:
    # scanpy takes seconds to import, which no other command should wait for.
    import scanpy as sc
    from anndata import AnnData

    observed = AnnData(counts)
    simulated = sc.pp.scrublet_simulate_doublets(observed, random_seed=seed)
    observed.X = _scale_rows(counts, CPM)
    simulated.X = _scale_rows(csr_matrix(simulated.X), CPM)
    sc.pp.scrublet(
        observed,
        simulated,
        mean_center=False,
        n_prin_comps=N_COMPONENTS,
        # scanpy 1.11 with scipy 1.15 or newer fails on the approximate ones.
        use_approx_neighbors=False,
        threshold=0.0,  # ours comes later; without any it needs scikit-image
        random_state=seed,
        verbose=False,
    )
    return PartScores(
        observed.obs["doublet_score"].to_numpy(dtype=np.float32),
        np.asarray(observed.uns["scrublet"]["doublet_scores_sim"]),
    )


def _scale_rows(counts: csr_matrix, target: float) -> csr_matrix:
    """Return counts that add up to ``target`` in each cell that has any."""
    totals = np.asarray(counts.sum(axis=1)).ravel()
    factors = target / np.where(totals > 0, totals, 1)
    data = counts.data * np.repeat(factors, np.diff(counts.indptr)).astype(np.float32)
    return csr_matrix((data, counts.indices, counts.indptr), shape=counts.shape)
