"""Which column of a store each gene of a deposit goes to."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from genemamba import keys
from genemamba.atlas.genes import ENSEMBL_ID, ensembl_numbers
from genemamba.atlas.sparse import canonical_csr

NAME_SEPARATOR: Final = " || "
"""Between several values of one field, as in the CELLxGENE schema."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GeneLayout:
    """The genes of a store, and the way from a deposit's genes to them."""

    var: pd.DataFrame
    """Genes of the store, index = Ensembl id, or the deposit's name where there is none."""
    columns: np.ndarray
    """Store column of each gene of the deposit, int32, shape ``(n_vars of the deposit,)``."""
    numbers: np.ndarray
    """Ensembl number of each gene of the store, uint64, shape ``(n_vars,)``; 0 for none."""

    def project(self, counts: csr_matrix) -> csr_matrix:
        """Move counts to the genes of the store, adding up those of one gene.

        Parameters
        ----------
        counts
            Canonical CSR over the deposit's genes.

        Returns
        -------
        Canonical CSR, shape ``(n_obs, n_vars)``.
        """
        return project_columns(counts, self.columns, n_vars=len(self.var))


def project_columns(counts: csr_matrix, columns: np.ndarray, *, n_vars: int) -> csr_matrix:
    """Rename the columns of a CSR matrix, adding up those that come together.

    Parameters
    ----------
    counts
        CSR, shape ``(n_obs, any)``.
    columns
        New column of each old one, int32.
    n_vars
        New columns in all.
    """
    parts = counts.data, columns[counts.indices], counts.indptr
    return canonical_csr(csr_matrix(parts, shape=(counts.shape[0], n_vars)))


def lay_out_genes(genes: pd.DataFrame) -> GeneLayout:
    """Give every distinct gene of a deposit one column, in order of first appearance.

    Parameters
    ----------
    genes
        From `genemamba.atlas.genes.map_genes`.
    """
    source_names = genes.index.to_numpy(dtype=object)
    names = np.where(genes[ENSEMBL_ID] != "", genes[ENSEMBL_ID], source_names)
    columns, unique = pd.factorize(names)
    first = genes.iloc[np.unique(columns, return_index=True)[1]]
    joined = pd.Series(source_names).groupby(columns).agg(NAME_SEPARATOR.join)
    var = pd.DataFrame(
        {
            keys.FEATURE_NAME: first[keys.FEATURE_NAME].to_numpy(dtype=object),
            keys.FEATURE_BIOTYPE: first[keys.FEATURE_BIOTYPE].to_numpy(dtype=object),
            keys.SOURCE_NAME: joined.to_numpy(dtype=object),
            keys.GENE_STATUS: first[keys.GENE_STATUS].to_numpy(dtype=object),
            keys.MEASURED: np.ones(len(unique), dtype=bool),
        },
        index=pd.Index(unique, dtype=object),
    )
    return GeneLayout(
        var=var,
        columns=columns.astype(np.int32),
        numbers=ensembl_numbers(first[ENSEMBL_ID]),
    )
