"""The genes that vary most between cells, which many methods look at alone."""

import warnings
from typing import Final

import anndata as ad
import numpy as np
import numpy.typing as npt
import scanpy as sc
from scipy.sparse import csr_matrix

N_VARIABLE_GENES: Final = 2_000
"""As in scanpy's and scvi-tools' tutorials."""


def variable_genes(X: csr_matrix, *, n_genes: int = N_VARIABLE_GENES) -> npt.NDArray[np.intp]:
    """Choose genes by scanpy's ``seurat`` measure: dispersion beside genes of equal mean.

    Parameters
    ----------
    X
        Log-normalised counts, shape ``(n_obs, n_vars)``.
    n_genes
        Genes to choose; all expressed ones where they are fewer.

    Returns
    -------
    Columns, ascending.
    """
    expressed = np.flatnonzero(np.diff(X.tocsc().indptr))
    if len(expressed) <= n_genes:
        return expressed
    with warnings.catch_warnings():
        # Bins of one gene have no spread; scanpy gives those genes the value 1 and goes on.
        warnings.simplefilter("ignore")
        table = sc.pp.highly_variable_genes(
            ad.AnnData(X[:, expressed]), n_top_genes=n_genes, flavor="seurat", inplace=False
        )
    is_chosen = table["highly_variable"].to_numpy(dtype=bool)
    return np.asarray(expressed[is_chosen])
