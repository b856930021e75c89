"""Pass 1: every value of a deposit is read once, checked, counted and hashed, span by span."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from genemamba.atlas.cells.files import CellColumn, open_columns
from genemamba.atlas.cells.quality import (
    N_GENES,
    PCT_HB,
    PCT_MT,
    PCT_RIBO,
    PCT_TOP,
    TOTAL_COUNTS,
)
from genemamba.atlas.cells.schema import CELLS_AT_ONCE
from genemamba.atlas.genes.column_map import ColumnMap
from genemamba.atlas.ingest.block_survey import MAX_COUNT, survey_block
from genemamba.atlas.ingest.memory import MemoryPlan
from genemamba.atlas.parallel import run_tasks
from genemamba.atlas.sources.counts import CountsReader, Faults, find_faults, refuse_faults
from genemamba.atlas.sources.matrices import CsrParts
from genemamba.atlas.sources.readers import CountsSource
from genemamba.errors import CountsError
from genemamba.publishing import storage_errors
from genemamba.storage import Progress

FLOAT32_EXACT: Final = 2**24
"""Largest integer up to which float32 holds all integers."""

MIN_RECOVERED: Final = 0.5
"""Share of cells whose counts must be recoverable; below it the values are something else."""

N_SPANS: Final = 64
"""Parts that a deposit is cut into: many beside the cores, few beside the cells."""

CELL_COLUMNS: Final = {
    "kept": ("u1", 1),
    "length": ("<i8", 1),
    "hash": ("<u8", 2),
    "rest": ("<u8", 1),
    "n_genes": ("<i4", 1),
    "total": ("<f8", 1),
    TOTAL_COUNTS: ("<f4", 1),
    N_GENES: ("<i4", 1),
    PCT_MT: ("<f4", 1),
    PCT_RIBO: ("<f4", 1),
    PCT_HB: ("<f4", 1),
    PCT_TOP: ("<f4", 1),
}
"""What pass 1 notes of each cell of the deposit: type and width."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SurveyTask:
    """Consecutive cells to survey."""

    reader: CountsReader
    """Reads the deposit."""
    folder: Path
    """Where the layout lies and the columns go."""
    start: int
    """First cell."""
    stop: int
    """One past the last."""
    block_nnz: int
    """Stored values that are read at a time."""


class SpanSummary(NamedTuple):
    """What the cells of one span add up to."""

    gene_totals: np.ndarray
    """Transcripts of each gene of the store, float64, shape ``(n_vars,)``."""
    faults: Faults
    """Values that no count can have."""
    largest: float
    """Largest count."""
    n_rounded: int
    """Values that were whole numbers but for arithmetic noise."""
    n_refused: int
    """Cells whose counts cannot be recovered."""
    nnz: int
    """Counts of the others."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """What pass 1 found; what it found of each cell lies in files."""

    folder: Path
    """Files of the columns and of the layout."""
    n_source: int
    """Cells of the deposit."""
    gene_totals: np.ndarray
    """Transcripts of each gene of the store, float64, shape ``(n_vars,)``."""
    largest: float
    """Largest count."""
    n_rounded: int
    """Values that were whole numbers but for arithmetic noise."""
    n_refused: int
    """Cells whose counts cannot be recovered; they are not in the store."""
    nnz: int
    """Counts above zero."""

    @property
    def n_obs(self) -> int:
        """Cells of the store."""
        return self.n_source - self.n_refused

    @property
    def dtype(self) -> np.dtype:
        """Smallest floating type that holds every count exactly."""
        return np.dtype(np.float32 if self.largest <= FLOAT32_EXACT else np.float64)

    def batches(self) -> CellColumn:
        """Return the column of the codes of the cells' batches, int32, in the store's order."""
        return open_columns(self.folder / "kept", {"batch": ("<i4", 1)})["batch"]

    def columns(self) -> dict[str, CellColumn]:
        """Return what is known of each cell of the store, in its order, and where it lies."""
        return store_columns(self.folder)


def store_columns(folder: Path) -> dict[str, CellColumn]:
    """Return the columns of the cells that are kept, with ``indptr`` and their ``row``."""
    pointers = {"indptr": ("<i8", 1), "row": ("<i8", 1)}
    return open_columns(folder / "kept", CELL_COLUMNS | pointers)


def survey_counts(
    source: CountsSource,
    layout: ColumnMap,
    *,
    folder: Path,
    memory: MemoryPlan,
    scheduler: str | None = None,
    progress: Progress | None = None,
) -> Survey:
    """Read all counts of a deposit in blocks, check every value, and hash every cell.

    Parameters
    ----------
    source
        The deposit.
    layout
        The genes of the store.
    folder
        Scratch folder for what is noted of each cell.
    memory
        Sizes of blocks, and how many threads read them.
    scheduler
        Address of a Dask scheduler, as for `run_tasks`.
    progress
        Called with spans read and spans in all.

    Raises
    ------
    CountsError
        A value is negative, not finite or not whole; all are zero; or the counts of fewer
        than `MIN_RECOVERED` of the cells can be recovered.
    StorageError
        The scratch folder cannot be written.
    """
    layout.save(folder)
    with storage_errors(str(folder)):
        (folder / "all").mkdir(exist_ok=True)
        (folder / "kept").mkdir(exist_ok=True)
    tasks = [
        SurveyTask(
            reader=source.reader,
            folder=folder,
            start=start,
            stop=stop,
            block_nnz=memory.block_nnz,
        )
        for start, stop in cut_spans(source.n_obs)
    ]
    spans = run_tasks(
        survey_span, tasks, scheduler=scheduler, n_threads=memory.n_threads, progress=progress
    )
    faults = Faults()
    for span in spans:
        faults = faults.merge(span.faults)
    genes = source.var.index.tolist()
    refuse_faults(faults, location=source.location, cells=source.cells, genes=genes)
    survey = _add_spans(spans, folder=folder, n_source=source.n_obs)
    _refuse_useless(survey, location=source.location)
    _keep_cells(survey)
    return survey


def survey_span(task: SurveyTask) -> SpanSummary:
    """Survey consecutive cells, block by block, and note what each of them is.

    Parameters
    ----------
    task
        Which cells of which deposit.
    """
    layout = ColumnMap.load(task.folder)
    columns = open_columns(task.folder / "all", CELL_COLUMNS)
    gene_totals = np.zeros(layout.n_vars)
    faults, largest, n_rounded, n_refused, nnz = Faults(), 0.0, 0, 0, 0
    for start, stop in task.reader.matrix.blocks(
        max_nnz=task.block_nnz, start=task.start, stop=task.stop
    ):
        parts = task.reader.parts(start, stop)
        found = survey_block(parts, layout) if parts else None
        refused = np.zeros(stop - start, dtype=bool)
        if found is None:
            block = task.reader.read(start, stop)
            faults = faults.merge(find_faults(block, first_row=start))
            counts = block.counts
            parts = CsrParts(counts.indptr, counts.indices, counts.data)
            found = None if faults.first else survey_block(parts, layout, is_canonical=True)
            refused, n_rounded = block.refused, n_rounded + block.tally.rounded
        if found is None:
            continue
        columns["kept"].write(start, ~refused)
        for name, values in found.columns.items():
            columns[name].write(start, values)
        gene_totals += found.gene_totals
        largest = max(largest, found.largest)
        n_refused += int(np.count_nonzero(refused))
        nnz += int(found.columns["length"].sum())
    return SpanSummary(gene_totals, faults, largest, n_rounded, n_refused, nnz)


def cut_spans(n_obs: int) -> list[tuple[int, int]]:
    """Cut cells into at most `N_SPANS` spans of about equal length."""
    bounds = np.unique(np.linspace(0, n_obs, min(N_SPANS, n_obs) + 1).astype(int)).tolist()
    return list(itertools.pairwise(bounds))


def _add_spans(spans: Sequence[SpanSummary], *, folder: Path, n_source: int) -> Survey:
    return Survey(
        folder=folder,
        n_source=n_source,
        gene_totals=np.sum([span.gene_totals for span in spans], axis=0),
        largest=max(span.largest for span in spans),
        n_rounded=sum(span.n_rounded for span in spans),
        n_refused=sum(span.n_refused for span in spans),
        nnz=sum(span.nnz for span in spans),
    )


def _keep_cells(survey: Survey) -> None:
    """Copy what was noted of the cells that are kept, and add up their row pointers."""
    noted = open_columns(survey.folder / "all", CELL_COLUMNS)
    kept = store_columns(survey.folder)
    kept["indptr"].write(0, np.zeros(1))
    done, pointer = 0, 0
    for start in range(0, survey.n_source, CELLS_AT_ONCE):
        stop = min(start + CELLS_AT_ONCE, survey.n_source)
        mask = noted["kept"].read(start, stop) > 0
        for name in CELL_COLUMNS:
            kept[name].write(done, noted[name].read(start, stop)[mask])
        pointers = pointer + np.cumsum(noted["length"].read(start, stop)[mask])
        kept["indptr"].write(done + 1, pointers)
        kept["row"].write(done, start + np.flatnonzero(mask))
        done, pointer = done + int(mask.sum()), int(pointers[-1]) if len(pointers) else pointer


def _refuse_useless(survey: Survey, *, location: str) -> None:
    if survey.n_obs < MIN_RECOVERED * survey.n_source:
        raise CountsError(
            expected="raw counts, or log1p values that they can be recovered from",
            found=f"values in {location} that give whole numbers in {survey.n_obs} of "
            f"{survey.n_source} cells only",
            remedy='Put the raw counts into adata.layers["counts"] and try again.',
            rule="counts-unrecoverable",
            count=survey.n_refused,
        )
    if survey.largest > MAX_COUNT:
        raise CountsError(
            expected=f"counts of at most {MAX_COUNT:.0f}",
            found=f"{survey.largest:g} in {location}",
            remedy='Put the raw counts into adata.layers["counts"] and try again.',
            rule="counts-too-large",
        )
    if survey.nnz == 0:
        raise CountsError(
            expected="at least one count above zero",
            found=f"only zeros in {location}",
            remedy='Put the raw counts into adata.layers["counts"] and try again.',
            rule="counts-all-zero",
            count=survey.n_source,
        )
