"""What was done to the raw values of each cell: scaled, logged, logged twice, or something else."""

from collections.abc import Callable
from typing import Final, Literal, NamedTuple

import numpy as np

Form = Literal["scaled", "log", "log twice"]
"""What was done, besides dividing a cell by its total."""

SPREAD: Final = 0.02
"""Largest relative spread of a cell's unit, which values rounded to three decimals leave."""

SAME: Final = 1e-5
"""Relative difference that is float32 noise."""

TIE: Final = 1e-4
"""Relative difference of values that one raw value may have."""

TOP: Final = {"log": 60.0, "log twice": 6.0}
"""Larger values are no logarithms of transcripts, and would overflow when undone."""

BASES: Final = (np.e, 2.0, 10.0)
"""Bases of logarithms in use."""


def _undo(base: float, *, times: int) -> Callable[[np.ndarray], np.ndarray]:
    def undone(values: np.ndarray) -> np.ndarray:
        for _ in range(times):
            values = np.expm1(np.minimum(values * np.log(base), 700.0))
        return values

    return undone


FORMS: Final[tuple[tuple[Form, Callable[[np.ndarray], np.ndarray]], ...]] = (
    ("scaled", lambda values: values),
    *(("log", _undo(base, times=1)) for base in BASES),
    *(("log twice", _undo(base, times=2)) for base in BASES),
)
"""How each form is undone; an earlier one is preferred, where a cell does not tell."""


class CellForms(NamedTuple):
    """The form of each cell that has values, all of shape ``(n_cells,)``."""

    number: np.ndarray
    """Its place in `FORMS`, -1 where it has none of them."""
    exact: np.ndarray
    """True where it was divided by nothing."""
    tells: np.ndarray
    """True where it has two raw values or more: one alone fits every form."""


def cell_forms(x: np.ndarray, r: np.ndarray, starts: np.ndarray) -> CellForms:
    """Find the form of each cell.

    Parameters
    ----------
    x
        Positive values, cell by cell, shape ``(nnz,)``.
    r
        The raw values they come from, positive, shape ``(nnz,)``.
    starts
        Where each cell begins in them, shape ``(n_cells,)``.
    """
    n_cells = len(starts)
    number, exact = np.full(n_cells, -1), np.zeros(n_cells, dtype=bool)
    if not n_cells:
        return CellForms(number, exact, exact)
    for place, (form, undo) in enumerate(FORMS):
        top = TOP.get(form, np.inf)
        unit = np.where(x <= top, undo(np.minimum(x, top)) / r, np.inf)
        low, high = np.minimum.reduceat(unit, starts), np.maximum.reduceat(unit, starts)
        fits = (number < 0) & np.isfinite(high) & (high <= low * (1 + SPREAD))
        number[fits] = place
        exact |= fits & (abs(low - 1) <= SAME) & (abs(high - 1) <= SAME)
        if (number >= 0).all():
            break
    tells = np.minimum.reduceat(r, starts) < np.maximum.reduceat(r, starts)
    return CellForms(number, exact, tells)


def rises(x: np.ndarray, r: np.ndarray, rows: np.ndarray, n_obs: int) -> np.ndarray:
    """Say in which cells equal raw values have equal values, and larger ones no smaller.

    Parameters
    ----------
    x
        Values, shape ``(nnz,)``.
    r
        The raw values beside them, shape ``(nnz,)``.
    rows
        The cell of each, shape ``(nnz,)``.
    n_obs
        Cells in all.

    Returns
    -------
    Bool, shape ``(n_obs,)``; True for a cell without values.
    """
    order = np.lexsort((x, r, rows))
    return _in_step(x[order], r[order], rows[order], n_obs)


def same_ranks(
    x: np.ndarray, x_rows: np.ndarray, r: np.ndarray, r_rows: np.ndarray, n_obs: int
) -> np.ndarray:
    """Say in which cells the sorted values go with the sorted raw ones, whatever their genes.

    Parameters
    ----------
    x, x_rows
        Values and the cell of each, shape ``(nnz,)``.
    r, r_rows
        Raw values and the cell of each; may be others in number.
    n_obs
        Cells in all.

    Returns
    -------
    Bool, shape ``(n_obs,)``; False for a cell with more values in one than in the other.
    """
    x_sizes, r_sizes = (np.bincount(rows, minlength=n_obs) for rows in (x_rows, r_rows))
    alike = (x_sizes == r_sizes) & (x_sizes > 0)
    keep_x, keep_r = alike[x_rows], alike[r_rows]
    x, x_rows, r, r_rows = x[keep_x], x_rows[keep_x], r[keep_r], r_rows[keep_r]
    x_order, r_order = np.lexsort((x, x_rows)), np.lexsort((r, r_rows))
    in_step = _in_step(x[x_order], r[r_order], x_rows[x_order], n_obs)
    return np.asarray(alike & in_step)


def _in_step(x: np.ndarray, r: np.ndarray, rows: np.ndarray, n_obs: int) -> np.ndarray:
    """Say in which cells values in the order of the raw ones never fall, nor differ at a tie."""
    slack = TIE * np.maximum(np.abs(x[1:]), np.abs(x[:-1]))
    falls = x[1:] < x[:-1] - slack
    splits = (r[1:] == r[:-1]) & (x[1:] > x[:-1] + slack)
    bad = np.zeros(n_obs, dtype=bool)
    bad[rows[1:][(rows[1:] == rows[:-1]) & (falls | splits)]] = True
    return ~bad
