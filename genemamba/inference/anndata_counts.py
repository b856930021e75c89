"""Raw counts of an AnnData over genes with Ensembl ids: found, checked, and read in blocks."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Self

import anndata as ad
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, issparse

from genemamba.atlas.genes.check import map_features, refuse_unknown_genes
from genemamba.atlas.genes.column_map import ColumnMap
from genemamba.atlas.genes.layout import lay_out_genes
from genemamba.atlas.genes.tables import load_reference
from genemamba.atlas.sources.cell_table import FrameTable
from genemamba.atlas.sources.counts import Faults, find_faults, refuse_faults, round_noise
from genemamba.atlas.sparse import canonical_csr
from genemamba.errors import CountsError, SchemaError

VALUES_AT_ONCE: Final = 32 * 1024 * 1024
"""Cells times genes of a block: at most 256 MB where a matrix is dense and float64."""

RAW: Final = "raw"
"""Name under which ``adata.raw`` is asked for, where no layer has it."""


class _Found(NamedTuple):
    """A matrix as the user would name it."""

    location: str
    matrix: Any
    var: pd.DataFrame


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class AnnDataCounts:
    """Counts of an AnnData, moved to the genes of the human reference as ingest moves them."""

    location: str
    """Where they lie, such as ``adata.layers["counts"]``."""
    matrix: Any
    """Cells by genes: dense or sparse, in memory or in a file."""
    cells: pd.Index
    """Names of the cells."""
    source_genes: pd.Index
    """Names of the genes, as they are."""
    var: pd.DataFrame
    """Genes, index = Ensembl id, or the name where there is none."""
    columns: ColumnMap
    """Row of `var` of each gene."""

    @classmethod
    def find(cls, adata: ad.AnnData, layer: str | None) -> Self:
        """Find the counts and map their genes; no value is read yet.

        Parameters
        ----------
        adata
            Cells by genes; names are Ensembl ids or symbols, or ``var`` has a column of either.
        layer
            Layer with the counts, or ``"raw"``; ``adata.X`` by default.

        Raises
        ------
        SchemaError
            There is no such layer, or no cell.
        GenesError
            The genes are of another species, or hardly any of them is known.
        """
        if not adata.n_obs:
            raise SchemaError(
                expected="an AnnData with cells",
                found=f"shape {adata.shape}",
                remedy="Embed before the cells are filtered away.",
            )
        location, matrix, var = _find(adata, layer)
        var = var.set_axis(var.index.astype(str), axis=0)
        features, genes = map_features(var, load_reference(), genome=None)
        layout = lay_out_genes(genes)
        return cls(
            location=location,
            matrix=matrix,
            cells=adata.obs_names.astype(str),
            source_genes=var.index,
            var=layout.var,
            columns=layout.map.spread(features.genes, n_features=len(var)),
        )

    def check(self) -> NDArray[np.float64]:
        """Read all values once and refuse those that are no raw counts of human genes.

        Returns
        -------
        Transcripts of each gene of `var`, shape ``(n_vars,)``.

        Raises
        ------
        CountsError
            A value is negative, not finite or not whole, or all are zero.
        GenesError
            Most transcripts are of genes that nobody here knows.
        """
        faults, totals = Faults(), np.zeros(len(self.var))
        for start, stop in self.ranges():
            read = round_noise(self._values(start, stop))
            faults = faults.merge(find_faults(read, first_row=start))
            totals += np.asarray(
                self.columns.project(read.counts).sum(axis=0, dtype=np.float64)
            ).ravel()
        self._refuse(faults)
        if not totals.any():
            raise CountsError(
                expected=f"raw counts in {self.location}",
                found=f"zeros alone in {len(self.cells):,} cells",
                remedy="Name the layer with raw counts, such as layer='counts'.",
                rule="counts-absent",
            )
        refuse_unknown_genes(self.var, totals)
        return totals

    def ranges(self) -> Iterator[tuple[int, int]]:
        """Yield the cells of one block after the other: the first, and one past the last."""
        size = max(1, VALUES_AT_ONCE // max(len(self.source_genes), 1))
        for start in range(0, len(self.cells), size):
            yield start, min(start + size, len(self.cells))

    def read(self, start: int, stop: int) -> csr_matrix:
        """Return the counts of consecutive cells over the genes of `var`, canonical CSR.

        Parameters
        ----------
        start, stop
            First cell, and one past the last.
        """
        return self.columns.project(round_noise(self._values(start, stop)).counts)

    def _values(self, start: int, stop: int) -> csr_matrix:
        """Copy some cells as they are stored: the AnnData is never changed."""
        block = self.matrix[start:stop]
        block = block if issparse(block) else np.asarray(block)
        dtype = np.float32 if block.dtype == np.float32 else np.float64
        return canonical_csr(csr_matrix(block).astype(dtype, copy=True))

    def _refuse(self, faults: Faults) -> None:
        cells = FrameTable(frame=pd.DataFrame(index=self.cells))
        genes = self.source_genes.tolist()
        try:
            refuse_faults(faults, location=self.location, cells=cells, genes=genes)
        except CountsError as error:
            raise CountsError(
                expected=error.expected,
                found=error.found,
                remedy="Name the layer with raw counts, such as layer='counts', "
                "or layer='raw' for adata.raw.",
                rule=error.rule,
                count=error.count,
                examples=error.examples,
            ) from None


def _find(adata: ad.AnnData, layer: str | None) -> _Found:
    if layer is None:
        return _Found("adata.X", adata.X, adata.var)
    if layer in adata.layers:
        return _Found(f'adata.layers["{layer}"]', adata.layers[layer], adata.var)
    if layer == RAW and adata.raw is not None:
        return _Found("adata.raw.X", adata.raw.X, adata.raw.var)
    held = [repr(name) for name in adata.layers] + ([repr(RAW)] if adata.raw is not None else [])
    raise SchemaError(
        expected=f"a layer {layer!r} in adata.layers",
        found=", ".join(held) or "none at all",
        remedy="Name one of those, or none to take adata.X.",
        rule="layer-missing",
        examples=held,
    )
