"""Pass 1: every value of a deposit is read once, checked, counted and hashed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from genemamba.atlas.counts import FaultFinder, Recovered
from genemamba.atlas.hashing import cell_totals, hash_cells
from genemamba.atlas.layout import GeneLayout
from genemamba.atlas.readers import CountsSource
from genemamba.atlas.sparse import BLOCK_NNZ
from genemamba.errors import CountsError
from genemamba.publishing import storage_errors
from genemamba.storage import Progress

FLOAT32_EXACT: Final = 2**24
"""Largest integer up to which float32 holds all integers."""

MIN_RECOVERED: Final = 0.5
"""Share of cells whose counts must be recoverable; below it the values are something else."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """What pass 1 found, for the cells that are kept; the arrays are in the order of the store."""

    rows: np.ndarray
    """Their rows in the deposit, ascending, shape ``(n_obs,)``."""
    indptr: np.ndarray
    """CSR row pointers of the store, int64, shape ``(n_obs + 1,)``."""
    hashes: np.ndarray
    """Content hash of each cell, shape ``(n_obs,)``."""
    totals: np.ndarray
    """Transcripts of each cell over all genes, float64, shape ``(n_obs,)``."""
    gene_totals: np.ndarray
    """Transcripts of each gene of the store, float64, shape ``(n_vars,)``."""
    largest: float
    """Largest count."""
    n_rounded: int
    """Values that were whole numbers but for arithmetic noise."""

    @property
    def dtype(self) -> np.dtype:
        """Smallest floating type that holds every count exactly."""
        return np.dtype(np.float32 if self.largest <= FLOAT32_EXACT else np.float64)

    def save(self, folder: Path, layout: GeneLayout) -> Path:
        """Put what the writing tasks need into files, so that they are sent only the folder.

        Raises
        ------
        StorageError
            The folder cannot be written.
        """
        arrays = {
            "rows": self.rows,
            "indptr": self.indptr,
            "hashes": self.hashes,
            "totals": self.totals,
            "columns": layout.columns,
            "numbers": layout.numbers,
        }
        with storage_errors(str(folder)):
            folder.mkdir(parents=True, exist_ok=True)
            for name, values in arrays.items():
                np.save(folder / f"{name}.npy", values)
        return folder


def survey_counts(
    source: CountsSource,
    layout: GeneLayout,
    *,
    max_nnz: int = BLOCK_NNZ,
    progress: Progress | None = None,
) -> Survey:
    """Read all counts of a deposit in blocks, check every value, and hash every cell.

    Parameters
    ----------
    source
        The deposit.
    layout
        The genes of the store.
    max_nnz
        Stored values a block may hold.
    progress
        Called with cells read and cells in all.

    Raises
    ------
    CountsError
        A value is negative, not finite or not whole; all are zero; or the counts of fewer
        than `MIN_RECOVERED` of the cells can be recovered.
    """
    names, genes = source.obs.index.tolist(), source.var.index.tolist()
    faults = FaultFinder(location=source.location, obs_names=names, genes=genes)
    parts = _SurveyParts(layout)
    for start, stop in source.reader.matrix.blocks(max_nnz=max_nnz):
        block = source.reader.read(start, stop)
        faults.check(block.counts, first_row=start)
        if not faults.found:
            parts.add(block, first_row=start)
        if progress:
            progress(stop, source.n_obs)
    faults.raise_if_any()
    survey = parts.join()
    _refuse_useless(survey, n_obs=source.n_obs, location=source.location)
    return survey


class _SurveyParts:
    """Collects what each block of cells adds to a survey."""

    def __init__(self, layout: GeneLayout) -> None:
        self._layout = layout
        self._rows: list[np.ndarray] = []
        self._lengths: list[np.ndarray] = []
        self._hashes: list[np.ndarray] = []
        self._totals: list[np.ndarray] = []
        self._gene_totals = np.zeros(len(layout.var))
        self._largest = 0.0
        self._n_rounded = 0

    def add(self, block: Recovered, *, first_row: int) -> None:
        rows = np.flatnonzero(~block.refused)
        kept = block.counts[rows] if block.refused.any() else block.counts
        counts = self._layout.project(kept)
        self._rows.append(rows + first_row)
        self._lengths.append(np.diff(counts.indptr))
        self._hashes.append(hash_cells(counts, self._layout.numbers))
        self._totals.append(cell_totals(counts))
        n_vars = len(self._gene_totals)
        self._gene_totals += np.bincount(counts.indices, counts.data, minlength=n_vars)
        self._n_rounded += block.n_rounded
        self._largest = max(self._largest, float(counts.data.max(initial=0)))

    def join(self) -> Survey:
        lengths = np.concatenate(self._lengths)
        return Survey(
            rows=np.concatenate(self._rows),
            indptr=np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]),
            hashes=np.concatenate(self._hashes),
            totals=np.concatenate(self._totals),
            gene_totals=self._gene_totals,
            largest=self._largest,
            n_rounded=self._n_rounded,
        )


def _refuse_useless(survey: Survey, *, n_obs: int, location: str) -> None:
    if len(survey.rows) < MIN_RECOVERED * n_obs:
        raise CountsError(
            expected="raw counts, or log1p values that they can be recovered from",
            found=f"values in {location} that give whole numbers in {len(survey.rows)} of "
            f"{n_obs} cells only",
            remedy='Put the raw counts into adata.layers["counts"] and try again.',
        )
    if survey.indptr[-1] == 0:
        raise CountsError(
            expected="at least one count above zero",
            found=f"only zeros in {location}",
            remedy='Put the raw counts into adata.layers["counts"] and try again.',
        )
