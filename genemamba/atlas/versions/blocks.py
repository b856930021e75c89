"""Counts of an atlas version in blocks of cells: each is a place, rows and genes, until read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from genemamba import keys
from genemamba.atlas.genes.column_map import project_columns
from genemamba.atlas.genes.mapping import MAPPED
from genemamba.atlas.store import open_store, read_rows
from genemamba.atlas.versions.manifests import AtlasManifest

BLOCK_N_OBS: Final = 4096
"""Rows of a store that a block spans: 60 to 200 MB at 1,000 to 4,000 expressed genes a cell."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class CellBlock:
    """Some cells of one store over one list of genes; small, and picklable."""

    url: str
    """Where the store lies."""
    start: int
    """First row that is read."""
    stop: int
    """One past the last."""
    offsets: np.ndarray
    """Rows that are kept, counted from `start`, int64, shape ``(n_obs,)``."""
    columns: np.ndarray
    """Wanted column of each gene of the store, int32; `n_vars` where it is not wanted."""
    n_vars: int
    """Wanted genes."""

    @property
    def n_obs(self) -> int:
        """Cells."""
        return len(self.offsets)

    def read(self) -> csr_matrix:
        """Read the counts, canonical CSR, float32, shape ``(n_obs, n_vars)``."""
        counts = read_rows(open_store(self.url), start=self.start, stop=self.stop)
        if len(self.offsets) < self.stop - self.start:
            counts = counts[self.offsets]
        # Genes that are not wanted go to one extra column at the end, which is cut off.
        wide = project_columns(counts, self.columns, n_vars=self.n_vars + 1)
        return wide[:, : self.n_vars].astype(np.float32)


def cut_version(
    manifest: AtlasManifest,
    variables: Sequence[pd.DataFrame],
    gene_ids: Sequence[str],
    *,
    block_n_obs: int = BLOCK_N_OBS,
) -> Iterator[CellBlock]:
    """Cut the cells of a version into blocks, leaving out what it leaves out.

    Parameters
    ----------
    manifest
        The version.
    variables
        Genes of each of its stores.
    gene_ids
        Wanted Ensembl ids, distinct; one that a store did not measure is zero in its cells.
    block_n_obs
        Rows of a store that a block spans.

    Yields
    ------
    Blocks that hold every cell once, in the manifest's order; none is empty.
    """
    wanted = pd.Index(gene_ids)
    for entry, var in zip(manifest.stores, variables, strict=True):
        columns = _columns(var, wanted)
        rows = entry.kept_rows()
        for start in range(0, entry.n_obs, block_n_obs):
            low, high = np.searchsorted(rows, [start, start + block_n_obs])
            if low < high:
                yield CellBlock(
                    url=entry.url,
                    start=start,
                    stop=min(start + block_n_obs, entry.n_obs),
                    offsets=rows[low:high] - start,
                    columns=columns,
                    n_vars=len(wanted),
                )


def no_counts(n_vars: int) -> csr_matrix:
    """Return the counts of no cell, float32, shape ``(0, n_vars)``."""
    return csr_matrix(np.empty((0, n_vars), dtype=np.float32))


def _columns(var: pd.DataFrame, wanted: pd.Index) -> np.ndarray:
    mapped = var[keys.GENE_STATUS].isin(MAPPED).to_numpy(dtype=bool)
    columns = np.where(mapped, wanted.get_indexer(var.index), -1)
    columns[columns < 0] = len(wanted)
    return columns.astype(np.int32)
