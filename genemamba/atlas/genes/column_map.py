"""Which column of a matrix each column of another goes to."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np
from scipy.sparse import csr_matrix

from genemamba.array_files import read_arrays
from genemamba.atlas.sparse import canonical_csr
from genemamba.publishing import storage_errors

FILE_NAME: Final = "columns.npz"
"""In which tasks find the map."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ColumnMap:
    """The way from a deposit's genes to those of its store."""

    columns: np.ndarray
    """Store column of each gene of the deposit, int32, shape ``(n_vars of the deposit,)``;
    -1 where it has none."""
    numbers: np.ndarray
    """Ensembl number of each gene of the store, uint64, shape ``(n_vars,)``; 0 for none."""
    kinds: np.ndarray
    """Kind of each gene of the store, `genemamba.atlas.genes.flags.gene_kinds`, uint8."""

    @property
    def n_vars(self) -> int:
        """Genes of the store."""
        return len(self.numbers)

    def spread(self, genes: np.ndarray, *, n_features: int) -> "ColumnMap":
        """Return the map of a deposit that has other features beside these genes.

        Parameters
        ----------
        genes
            Columns of the genes in the deposit.
        n_features
            Features of the deposit.
        """
        columns = np.full(n_features, -1, dtype=np.int32)
        columns[genes] = self.columns
        return ColumnMap(columns=columns, numbers=self.numbers, kinds=self.kinds)

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
        return project_columns(counts, self.columns, n_vars=self.n_vars)

    def save(self, folder: Path) -> None:
        """Put the map into a folder, so that tasks are sent the folder only.

        Raises
        ------
        StorageError
            The folder cannot be written.
        """
        with storage_errors(str(folder)):
            folder.mkdir(parents=True, exist_ok=True)
            np.savez(
                folder / FILE_NAME, columns=self.columns, numbers=self.numbers, kinds=self.kinds
            )

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        return cls(**read_arrays(folder / FILE_NAME))


def project_columns(counts: csr_matrix, columns: np.ndarray, *, n_vars: int) -> csr_matrix:
    """Rename the columns of a CSR matrix, adding up those that come together.

    Parameters
    ----------
    counts
        Canonical CSR, shape ``(n_obs, any)``.
    columns
        New column of each old one, int32; -1 to leave it out.
    n_vars
        New columns in all.
    """
    if n_vars == len(columns) and np.array_equal(columns, np.arange(n_vars)):
        return counts
    indices, data, indptr = columns[counts.indices], counts.data, counts.indptr
    if columns.min(initial=0) < 0:
        keep = indices >= 0
        before = np.concatenate([[0], np.cumsum(keep)])
        indices, data, indptr = indices[keep], data[keep], before[indptr]
    result = csr_matrix((data, indices, indptr), shape=(counts.shape[0], n_vars))
    kept = columns[columns >= 0]
    rising = bool((kept[1:] > kept[:-1]).all())
    return result if rising else canonical_csr(result)
