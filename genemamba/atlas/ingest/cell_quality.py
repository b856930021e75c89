"""Quality of the cells of a deposit: outliers and doublets, kept in files beside its survey."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, vstack

from genemamba.atlas.cells.doublets import (
    DOUBLET_SCORE,
    MAX_PART_N_OBS,
    PREDICTED_DOUBLET,
    ScoredPart,
    score_doublets,
)
from genemamba.atlas.cells.files import CellColumn, open_columns
from genemamba.atlas.cells.outliers import IS_OUTLIER, OUTLIER_REASON, Outliers, mad_outliers
from genemamba.atlas.cells.quality_columns import METRICS
from genemamba.atlas.genes.column_map import ColumnMap
from genemamba.atlas.ingest.survey import Survey
from genemamba.atlas.options import DoubletChoice
from genemamba.atlas.sources.counts import CountsReader
from genemamba.storage import Progress

AUTO_N_OBS: Final = 30_000
"""Cells of a deposit up to which doublets are scored by themselves: it takes 3 to 30 s for 10,000 cells, much longer than all else."""

PART_NNZ: Final = 8 * 1024 * 1024
"""Counts that are scored together at most: half a gigabyte of working memory."""

SEED: Final = 0
"""Of the simulated doublets: the same deposit gives the same scores."""

_FILES: Final = {
    "outlier": ("u1", 1),
    "reason": ("i1", 1),
    "score": ("<f4", 1),
    "doublet": ("i1", 1),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class CellQuality:
    """What was found; values of single cells lie in the survey's files."""

    survey: Survey
    """What pass 1 found."""
    reasons: tuple[str, ...]
    """Reasons why cells are outliers, by their codes."""
    n_outliers: int
    """Cells that are."""
    small_batches: tuple[str, ...]
    """Batches with too few cells for outliers to be told."""
    parts: tuple[ScoredPart, ...]
    """How the scoring of doublets went; empty where there was none."""

    @property
    def n_doublets(self) -> int:
        """Cells that are predicted to be doublets."""
        return sum(part.n_predicted for part in self.parts)

    def columns(self, start: int, stop: int) -> dict[str, Any]:
        """Return the columns of ``obs`` about some cells of the store, `QUALITY_COLUMNS`."""
        measured = self.survey.columns()
        files = _files(self.survey)
        doublet = files["doublet"].read(start, stop)
        dtype = pd.CategoricalDtype(list(self.reasons))
        reasons = pd.Categorical.from_codes(files["reason"].read(start, stop), dtype=dtype)
        return {
            **{name: measured[name].read(start, stop) for name in METRICS},
            IS_OUTLIER: files["outlier"].read(start, stop) > 0,
            OUTLIER_REASON: reasons,
            DOUBLET_SCORE: files["score"].read(start, stop),
            PREDICTED_DOUBLET: pd.arrays.BooleanArray(doublet > 0, doublet < 0),
        }


def judge_cells(
    survey: Survey,
    reader: CountsReader,
    *,
    batches: list[str],
    doublets: DoubletChoice = "auto",
    progress: Progress | None = None,
) -> CellQuality:
    """Find outliers by MAD in each batch, and score doublets.

    Parameters
    ----------
    survey
        What pass 1 found, with the code of each cell's batch.
    reader
        Reads the deposit's counts again.
    batches
        Names of the batches, by code.
    doublets
        Whether doublets are scored.
    progress
        Called with cells scored and cells in all.
    """
    codes = survey.batches()[:]
    outliers = mad_outliers(_Columns(survey), codes)
    files = _files(survey)
    files["outlier"].write(0, outliers.is_outlier)
    files["reason"].write(0, outliers.reason.codes)
    scores = np.full(survey.n_obs, np.nan, dtype=np.float32)
    called = np.full(survey.n_obs, -1, dtype=np.int8)
    parts: tuple[ScoredPart, ...] = ()
    if doublets == "yes" or (doublets == "auto" and survey.n_obs <= AUTO_N_OBS):
        found = score_doublets(
            lambda rows: _read_rows(survey, reader, rows),
            codes,
            seed=SEED,
            max_part_n_obs=_part_n_obs(survey),
            progress=progress,
        )
        scores, parts = found.scores, found.parts
        called = found.predicted.to_numpy(dtype=np.int8, na_value=-1)
    files["score"].write(0, scores)
    files["doublet"].write(0, called)
    return _quality(survey, outliers, parts, batches)


def _quality(
    survey: Survey, outliers: Outliers, parts: tuple[ScoredPart, ...], batches: list[str]
) -> CellQuality:
    return CellQuality(
        survey=survey,
        reasons=tuple(outliers.reason.categories),
        n_outliers=int(np.count_nonzero(outliers.is_outlier)),
        small_batches=tuple(batches[code] for code in outliers.small_batches),
        parts=parts,
    )


class _Columns(Mapping[str, NDArray[Any]]):
    """Metrics of all cells, read one at a time."""

    def __init__(self, survey: Survey) -> None:
        self._columns = survey.columns()

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in METRICS:
            raise KeyError(name)
        return self._columns[name][:]

    def __iter__(self) -> Iterator[str]:
        return iter(METRICS)

    def __len__(self) -> int:
        return len(METRICS)


def _files(survey: Survey) -> dict[str, CellColumn]:
    return open_columns(survey.folder / "kept", _FILES)


def _part_n_obs(survey: Survey) -> int:
    mean_nnz = max(survey.nnz / survey.n_obs, 1.0)
    return max(min(MAX_PART_N_OBS, int(PART_NNZ / mean_nnz)), 512)


def _read_rows(survey: Survey, reader: CountsReader, rows: NDArray[np.int64]) -> csr_matrix:
    """Read the counts of some cells of the store, ascending, run by run."""
    layout, source = ColumnMap.load(survey.folder), survey.columns()["row"]
    breaks = np.flatnonzero(np.diff(rows) > 1) + 1
    parts = []
    for run in np.split(rows, breaks):
        wanted = source.read(int(run[0]), int(run[-1]) + 1)
        first = int(wanted[0])
        counts = reader.read(first, int(wanted[-1]) + 1).counts[wanted - first]
        parts.append(layout.project(counts))
    return csr_matrix(vstack(parts, format="csr"))
