"""Raw counts: how they are recognised, recovered from log1p values, and checked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import numpy as np
from scipy.sparse import csr_matrix

from genemamba.atlas.matrices import Matrix
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

ROUNDING: Final = 1e-6
"""Relative distance from a whole number, up to counts of 10 000, that is arithmetic noise: counts
that went through normalisation and back are off by some 1e-12 in float64, 1e-7 in float32."""

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
    n_rounded: int = 0
    """Values that were off a whole number by arithmetic noise."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CountsReader:
    """Reads counts from a matrix of known scale; picklable, because it holds paths only."""

    matrix: Matrix
    """Where the values lie."""
    scale: Scale
    """What they are."""

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
    refused = np.zeros(values.shape[0], dtype=bool)
    noisy = (values.data != np.rint(values.data)) & _is_whole(values.data)
    n_rounded = int(np.count_nonzero(noisy))
    if n_rounded:
        values.data = np.where(noisy, np.rint(values.data), values.data)
        values.eliminate_zeros()
    return Recovered(values, refused, n_rounded)


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
        return Recovered(logged.astype(np.float64), refused)
    unit = np.minimum.reduceat(y, starts)
    exact = y / np.repeat(unit, lengths[lengths > 0])
    counts = np.rint(exact)
    residual = np.where(possible, np.abs(exact - counts), np.inf)
    refused[lengths > 0] = np.maximum.reduceat(residual, starts) > MAX_RESIDUAL
    counts[np.repeat(refused, lengths)] = 0
    result = csr_matrix((counts, logged.indices, logged.indptr), shape=logged.shape)
    result.eliminate_zeros()
    return Recovered(result, refused)


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


class FaultFinder:
    """Counts the values that no count can have, over all blocks, and remembers the first."""

    def __init__(self, *, location: str, obs_names: Sequence[str], genes: Sequence[str]) -> None:
        self._location, self._obs_names, self._genes = location, obs_names, genes
        self._tally = {"negative": 0, "non-finite": 0, "fractional": 0}
        self._first: str | None = None

    def check(self, counts: csr_matrix, *, first_row: int) -> None:
        """Check every value of a block of cells that begins at the row ``first_row``."""
        data = counts.data
        finite = np.isfinite(data)
        negative = finite & (data < 0)
        fractional = finite & ~negative & (data != np.rint(data))
        bad = negative | fractional | ~finite
        if not bad.any():
            return
        found = {"negative": negative, "non-finite": ~finite, "fractional": fractional}
        for kind, mask in found.items():
            self._tally[kind] += int(np.count_nonzero(mask))
        if self._first is None:
            place = int(np.argmax(bad))
            row = int(np.searchsorted(counts.indptr, place, side="right")) - 1
            gene = self._genes[int(counts.indices[place])]
            cell = self._obs_names[first_row + row]
            self._first = f"{float(data[place])} in cell {cell!r}, gene {gene!r}"

    @property
    def found(self) -> bool:
        """True after the first fault."""
        return self._first is not None

    def raise_if_any(self) -> None:
        """Raise a `CountsError` that says how many faults there are and where the first is."""
        if self._first is None:
            return
        tally = ", ".join(f"{count} {kind}" for kind, count in self._tally.items() if count)
        raise CountsError(
            expected=f"non-negative whole numbers in {self._location}",
            found=f"{tally} values, the first {self._first}",
            remedy='Put the raw counts into adata.layers["counts"] and try again.',
        )
