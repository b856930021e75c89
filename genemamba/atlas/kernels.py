"""Compiled loops over the stored values of compressed sparse rows; they hold no lock."""

from typing import Final, NamedTuple

import numpy as np

from genemamba.compiled import compiled

ROUNDING: Final = 1e-6
"""Relative distance from a whole number, up to counts of 10 000, that is arithmetic noise: counts
that went through normalisation and back are off by some 1e-12 in float64, 1e-7 in float32."""


class ValueTally(NamedTuple):
    """What a block's values turned out to be."""

    rounded: int = 0
    """Whole numbers but for `ROUNDING`, which were rounded."""
    zeros: int = 0
    """Zeros, those that rounding made included."""
    negative: int = 0
    """Below zero."""
    non_finite: int = 0
    """NaN or infinite."""
    fractional: int = 0
    """Neither whole nor nearly so."""
    largest: float = 0.0
    """Largest whole number; 0 where there is none."""

    @property
    def has_faults(self) -> bool:
        """True where a value is one that no count can have."""
        return self.negative + self.non_finite + self.fractional > 0


def clean_values(data: np.ndarray) -> ValueTally:
    """Round the values that are whole numbers but for `ROUNDING`, in place, and count the rest.

    Parameters
    ----------
    data
        Values, float32 or float64, shape ``(nnz,)``.
    """
    if not len(data):
        return ValueTally()
    largest = float(data.max())
    if np.isfinite(largest) and _are_counts(data):
        return ValueTally(largest=largest)
    return ValueTally(*_clean_values(data))


@compiled
def _are_counts(data):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    wrong = 0
    for place in range(len(data)):  # without a branch, so that it is done eight at a time
        value = data[place]
        wrong += int((value < 1) | (value != np.floor(value)))
    return wrong == 0


@compiled
def _clean_values(data):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    rounded = zeros = negative = non_finite = fractional = 0
    largest = 0.0
    for place in range(len(data)):
        value = np.float64(data[place])
        whole = _without_noise(value)
        if whole != value and np.isfinite(value):
            data[place] = whole
            rounded += 1
        if not np.isfinite(value):
            non_finite += 1
        elif whole < 0:
            negative += 1
        elif whole != np.rint(whole):
            fractional += 1
        else:
            zeros += int(whole == 0)
            largest = max(largest, whole)
    return rounded, zeros, negative, non_finite, fractional, largest


@compiled
def _without_noise(value):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    whole = np.rint(value)
    size = min(max(abs(value), 1.0), 1e4)
    return whole if abs(value - whole) <= ROUNDING * size else value


def is_canonical(indptr: np.ndarray, indices: np.ndarray, data: np.ndarray) -> bool:
    """Tell whether the columns of every row rise and no stored value is zero.

    Parameters
    ----------
    indptr, indices, data
        Of a CSR matrix.
    """
    return bool(_is_canonical(indptr, indices, data))


@compiled
def _is_canonical(indptr, indices, data):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    wrong = 0
    for row in range(len(indptr) - 1):
        start, stop = indptr[row], indptr[row + 1]
        for place in range(start + 1, stop):
            wrong += int(indices[place] <= indices[place - 1])
        for place in range(start, stop):
            wrong += int(data[place] == 0)
    return wrong == 0
