"""An atlas version seen as one matrix: cells of all stores over the union of their genes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix, vstack

from genemamba.atlas.versions.blocks import CellBlock, cut_version, no_counts
from genemamba.atlas.versions.joining import AtlasTables
from genemamba.atlas.versions.manifests import AtlasManifest


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class AtlasView:
    """Cells, genes and counts of an atlas version; the counts are read when asked for."""

    manifest: AtlasManifest
    """The version."""
    obs: pd.DataFrame
    """Cells in the manifest's order without those left out, index = `keys.CELL_ID`."""
    var: pd.DataFrame
    """Genes that any store measured, index = Ensembl id, sorted; `keys.FEATURE_NAME`."""
    store_rows: tuple[slice, ...]
    """Rows of `obs` that belong to each store."""
    variables: tuple[pd.DataFrame, ...]
    """Genes of each store, as it has them."""

    @classmethod
    def open(cls, manifest: AtlasManifest) -> Self:
        """Read the tables of all stores.

        Parameters
        ----------
        manifest
            The version.

        Raises
        ------
        StoreError
            A store is missing, incomplete, or not of the size that the manifest says; or the
            manifest lists none.
        """
        tables = AtlasTables.read(manifest)
        return cls(
            manifest=manifest,
            obs=tables.obs,
            var=tables.var,
            store_rows=tables.store_rows,
            variables=tables.variables,
        )

    @property
    def gene_ids(self) -> tuple[str, ...]:
        """Ensembl ids of the genes, sorted."""
        return tuple(self.var.index)

    def blocks(self, gene_ids: Sequence[str] | None = None) -> Iterator[CellBlock]:
        """Cut the cells into blocks that are read one at a time, rows as in `obs`.

        Parameters
        ----------
        gene_ids
            As for `counts`.
        """
        wanted = self.gene_ids if gene_ids is None else gene_ids
        return cut_version(self.manifest, self.variables, wanted)

    def counts(self, gene_ids: Sequence[str] | None = None) -> csr_matrix:
        """Read the counts of all cells over one list of genes.

        Parameters
        ----------
        gene_ids
            Distinct Ensembl ids; those of the view by default. A gene that a store did not
            measure is zero in its cells.

        Returns
        -------
        Canonical CSR, float32, shape ``(n_obs, len(gene_ids))``, rows as in `obs`.
        """
        parts = [block.read() for block in self.blocks(gene_ids)]
        if not parts:
            return no_counts(len(self.gene_ids if gene_ids is None else gene_ids))
        return csr_matrix(vstack(parts, format="csr", dtype=np.float32))
