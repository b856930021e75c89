"""Raw counts: how they are recognised, recovered from log1p values, and checked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import numpy as np
from scipy.sparse import csr_matrix

from genemamba.atlas.kernels import ROUNDING, ValueTally, clean_values
from genemamba.atlas.sources.cell_table import CellTable
from genemamba.atlas.sources.matrices import CsrElement, CsrParts, Matrix
from genemamba.errors import CountsError

Scale = Literal["counts", "log1p"]
"""Counts as they are, or log1p of counts that were scaled cell by cell."""

PROBE_WINDOWS: Final = 8
"""Places of a matrix that a probe looks at, evenly spread: deposits are sorted by sample."""

PROBE_N_OBS: Final = 64
"""Cells that a probe reads at each place."""

INTEGER_SHARE: Final = 0.9
"""A matrix means to hold counts when this share of its values are integers. Normalised values
hardly ever are; counts with faults should be refused with the faults named, not passed over."""

LOG1P_LIMIT: Final = 30.0
"""expm1 of it is 1e13, more transcripts than any cell has: larger values are not log1p."""

MAX_RESIDUAL: Final = 0.05
"""Largest distance to an integer that rounding to three decimals leaves in ordinary cells."""


class Recovered(NamedTuple):
    """Counts of some cells."""

    counts: csr_matrix
    """Canonical CSR, shape ``(n_obs, n_vars)``; a refused cell is empty."""
    refused: np.ndarray
    """True where no counts could be recovered, shape ``(n_obs,)``."""
    tally: ValueTally
    """What the values were."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CountsReader:
    """Reads counts from a matrix of known scale; picklable, because it holds paths only."""

    matrix: Matrix
    """Where the values lie."""
    scale: Scale
    """What they are."""

    def parts(self, start: int, stop: int) -> CsrParts | None:
        """Return the cells ``start`` to ``stop`` as stored; None where that is no CSR of counts."""
        if self.scale == "counts" and isinstance(self.matrix, CsrElement):
            return self.matrix.parts(start, stop)
        return None

    def read(self, start: int, stop: int) -> Recovered:
        """Return the counts of the cells ``start`` to ``stop``, and which of them are refused."""
        values = self.matrix.rows(start, stop)
        if self.scale == "log1p":
            return recover_counts(values)
        return round_noise(values)


def round_noise(values: csr_matrix) -> Recovered:
    """Round the values that are whole numbers but for `ROUNDING`, and leave the others.

    Parameters
    ----------
    values
        Canonical CSR of any values, shape ``(n_obs, n_vars)``.
    """
    tally = clean_values(values.data)
    if tally.zeros:
        values.eliminate_zeros()
    return Recovered(values, np.zeros(values.shape[0], dtype=bool), tally)


def recover_counts(logged: csr_matrix) -> Recovered:
    """Undo ``log1p(counts * scale)`` where the scale of each cell is unknown.

    The smallest value of a cell is taken for one count: ``y = expm1(x)``,
    ``counts = y / min(y)``. A cell is refused when one of its results is further than
    `MAX_RESIDUAL` from an integer.

    Parameters
    ----------
    logged
        Canonical CSR of any values, shape ``(n_obs, n_vars)``.
    """
    lengths = np.diff(logged.indptr)
    starts = logged.indptr[:-1][lengths > 0]
    x = logged.data.astype(np.float64)
    possible = (x > 0) & (x < LOG1P_LIMIT)
    y = np.expm1(np.where(possible, x, 1.0))
    refused = np.zeros(len(lengths), dtype=bool)
    if not len(starts):
        return Recovered(logged.astype(np.float64), refused, clean_values(x))
    unit = np.minimum.reduceat(y, starts)
    exact = y / np.repeat(unit, lengths[lengths > 0])
    counts = np.rint(exact)
    residual = np.where(possible, np.abs(exact - counts), np.inf)
    refused[lengths > 0] = np.maximum.reduceat(residual, starts) > MAX_RESIDUAL
    counts[np.repeat(refused, lengths)] = 0
    result = csr_matrix((counts, logged.indices, logged.indptr), shape=logged.shape)
    result.eliminate_zeros()
    return Recovered(result, refused, clean_values(result.data))


def recognise_scale(matrix: Matrix) -> Scale | None:
    """Tell what a sample of a matrix looks like; None where it is neither counts nor log1p.

    Parameters
    ----------
    matrix
        Any matrix, with at least one cell. One whose sample is all zero is none.
    """
    blocks = [matrix.rows(start, stop) for start, stop in _probe_ranges(matrix.shape[0])]
    values = np.concatenate([block.data for block in blocks])
    if not len(values):
        return None
    integral = ~np.isfinite(values) | _is_whole(values)
    if np.mean(integral) >= INTEGER_SHARE:
        return "counts"
    filled = np.concatenate([np.diff(block.indptr) > 0 for block in blocks])
    refused = np.concatenate([recover_counts(block).refused for block in blocks])
    return "log1p" if np.mean(refused[filled]) < 0.5 else None


def _is_whole(values: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):  # infinities differ from themselves by NaN
        distance = np.abs(values - np.rint(values))
    return np.asarray(distance <= ROUNDING * np.clip(np.abs(values), 1.0, 1e4))


def _probe_ranges(n_obs: int) -> list[tuple[int, int]]:
    if n_obs <= PROBE_WINDOWS * PROBE_N_OBS:
        return [(0, n_obs)]
    starts = np.linspace(0, n_obs - PROBE_N_OBS, PROBE_WINDOWS).astype(int).tolist()
    return [(start, start + PROBE_N_OBS) for start in starts]


class Faults(NamedTuple):
    """Values that no count can have, in some cells."""

    negative: int = 0
    """Below zero."""
    non_finite: int = 0
    """NaN or infinite."""
    fractional: int = 0
    """Not whole."""
    first: tuple[int, int, float] | None = None
    """Row and column in the deposit, and value, of the first."""

    def merge(self, other: "Faults") -> "Faults":
        """Return the faults of two sets of cells."""
        firsts = [first for first in (self.first, other.first) if first]
        return Faults(
            self.negative + other.negative,
            self.non_finite + other.non_finite,
            self.fractional + other.fractional,
            min(firsts, default=None),
        )


def find_faults(block: Recovered, *, first_row: int) -> Faults:
    """Return what is wrong with the values of a block of cells that begins at ``first_row``."""
    tally = block.tally
    if not tally.has_faults:
        return Faults()
    data = block.counts.data
    with np.errstate(invalid="ignore"):
        place = int(np.argmax(~np.isfinite(data) | (data < 0) | (data != np.rint(data))))
    row = int(np.searchsorted(block.counts.indptr, place, side="right")) - 1
    first = (first_row + row, int(block.counts.indices[place]), float(data[place]))
    return Faults(tally.negative, tally.non_finite, tally.fractional, first)


def refuse_faults(faults: Faults, *, location: str, cells: CellTable, genes: Sequence[str]) -> None:
    """Refuse values that no count can have.

    Raises
    ------
    CountsError
        There are some; says how many of which kind, and where the first is.
    """
    if faults.first is None:
        return
    kinds = {
        "negative": faults.negative,
        "non-finite": faults.non_finite,
        "fractional": faults.fractional,
    }
    row, column, value = faults.first
    name = cells.rows(row, row + 1).index[0]
    first = f"{value} in cell {name!r}, gene {genes[column]!r}"
    tally = ", ".join(f"{count} {kind}" for kind, count in kinds.items() if count)
    worst = next(kind for kind, count in kinds.items() if count)
    raise CountsError(
        expected=f"non-negative whole numbers in {location}",
        found=f"{tally} values, the first {first}",
        remedy='Put the raw counts into adata.layers["counts"] and try again.',
        rule=f"counts-{worst}",
        count=sum(kinds.values()),
        examples=(first,),
    )
