"""Entries of a Matrix Market file, from text to arrays, every sign of it checked.

Compiled, because ``scipy.io.mmread`` takes ``1.5`` for 1 in an integer matrix, ignores what
follows the third field of a line, and crashes over a zero byte (SciPy 1.16).
"""

from typing import Final

import numba
import numpy as np

OK: Final = 0
"""All lines were read."""

MALFORMED: Final = 1
"""A line has not three numbers, the first two of them whole."""

OUTSIDE: Final = 2
"""A row or column is below one or above the size of the matrix."""

TAB, NEWLINE, RETURN, SPACE, PERCENT = 9, 10, 13, 32, 37
PLUS, MINUS, POINT, ZERO, NINE = 43, 45, 46, 48, 57
UPPER_E, LOWER_E = 69, 101

MAX_DIGITS: Final = 18
"""Digits that fit in 64 bits; further ones only count for the magnitude."""


@numba.njit(nogil=True)  # type: ignore[untyped-decorator]
def parse_entries(
    text: np.ndarray,
    n_rows: int,
    n_columns: int,
    rows: np.ndarray,
    columns: np.ndarray,
    values: np.ndarray,
) -> tuple[int, int, int]:
    """Read whole lines of ``row column value``, the first two counted from 1.

    Parameters
    ----------
    text
        Bytes, uint8, ending with a line feed. Empty lines and comments are passed over.
    n_rows, n_columns
        Size of the matrix.
    rows, columns
        Filled with indices from 0, int32, long enough for all lines.
    values
        Filled with the values, float64. Numbers of up to 15 digits are exact; longer ones are
        off by a unit in the last place at most.

    Returns
    -------
    Entries read; `OK`, `MALFORMED` or `OUTSIDE`; and the lines before the one that is faulty.
    """
    position, n_lines, n_entries, end = 0, 0, 0, len(text)
    while position < end:
        position = _skip_blanks(text, position)
        if text[position] == PERCENT:
            while text[position] != NEWLINE:
                position += 1
        if text[position] == NEWLINE:
            position += 1
            n_lines += 1
            continue
        row, position = _whole(text, position)
        column, position = _whole(text, position)
        value, position = _number(text, position)
        if position < 0:
            return n_entries, MALFORMED, n_lines
        position = _skip_blanks(text, position)
        if text[position] != NEWLINE:
            return n_entries, MALFORMED, n_lines
        if row < 1 or row > n_rows or column < 1 or column > n_columns:
            return n_entries, OUTSIDE, n_lines
        rows[n_entries], columns[n_entries] = row - 1, column - 1
        values[n_entries] = value
        n_entries += 1
        position += 1
        n_lines += 1
    return n_entries, OK, n_lines


@numba.njit(nogil=True)  # type: ignore[untyped-decorator]
def _skip_blanks(text: np.ndarray, position: int) -> int:
    while text[position] in (SPACE, TAB, RETURN):
        position += 1
    return position


@numba.njit(nogil=True)  # type: ignore[untyped-decorator]
def _whole(text: np.ndarray, position: int) -> tuple[int, int]:
    """Read digits and the blank after them; a position below 0 says that there are none."""
    if position < 0:
        return 0, -1
    position = _skip_blanks(text, position)
    start, number = position, 0
    while ZERO <= text[position] <= NINE:
        number = number * 10 + (text[position] - ZERO)
        position += 1
    if position == start or position - start > MAX_DIGITS:
        return 0, -1
    return number, position if text[position] in (SPACE, TAB) else -1


@numba.njit(nogil=True)  # type: ignore[untyped-decorator]
def _number(text: np.ndarray, position: int) -> tuple[float, int]:
    """Read a decimal number, possibly with a sign, a point and an exponent."""
    if position < 0:
        return 0.0, -1
    position = _skip_blanks(text, position)
    sign = -1.0 if text[position] == MINUS else 1.0
    position += text[position] in (PLUS, MINUS)
    mantissa, exponent, n_digits, behind_point = 0, 0, 0, False
    while ZERO <= text[position] <= NINE or (text[position] == POINT and not behind_point):
        if text[position] == POINT:
            behind_point = True
        else:
            if mantissa < 10 ** (MAX_DIGITS - 1):
                mantissa = mantissa * 10 + (text[position] - ZERO)
                exponent -= behind_point
            else:
                exponent += not behind_point
            n_digits += 1
        position += 1
    if n_digits == 0:
        return 0.0, -1
    if text[position] in (UPPER_E, LOWER_E):
        power, position = _power(text, position + 1)
        exponent += power
    value = float(mantissa)
    # One correctly rounded operation, as powers of ten up to 22 are exact.
    value = value * 10.0**exponent if exponent >= 0 else value / 10.0**-exponent
    return sign * value, position


@numba.njit(nogil=True)  # type: ignore[untyped-decorator]
def _power(text: np.ndarray, position: int) -> tuple[int, int]:
    sign = -1 if text[position] == MINUS else 1
    position += text[position] in (PLUS, MINUS)
    start, power = position, 0
    while ZERO <= text[position] <= NINE:
        power = min(power * 10 + (text[position] - ZERO), 400)
        position += 1
    return sign * power, position if position > start else -1
