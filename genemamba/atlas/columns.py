"""Columns of ``obs`` in the types that AnnData's on-disk format has."""

from collections.abc import Container, Iterable
from typing import NamedTuple

import pandas as pd


class WritableTable(NamedTuple):
    """A table that AnnData can write, and what had to change for it."""

    table: pd.DataFrame
    """The same rows and columns."""
    notes: list[str]
    """One sentence for each column that was renamed or turned into strings."""


def writable_table(table: pd.DataFrame) -> WritableTable:
    """Turn columns of types that AnnData cannot write into strings, and keep the others.

    Parameters
    ----------
    table
        Cells with columns of any type.
    """
    columns: dict[str, pd.Series] = {}
    notes = []
    for name, column in table.items():
        target = _free_name(str(name), taken=columns)
        if target != name:
            notes.append(f"Column {name!r} is kept as {target!r}.")
        if not _is_plain(column):
            notes.append(f"Column {name!r} ({column.dtype}) is kept as strings.")
        columns[target] = writable_column(column)
    return WritableTable(pd.DataFrame(columns, index=table.index), notes)


def writable_column(column: pd.Series) -> pd.Series:
    """Return a column as numbers, strings or categories.

    Strings of which some are missing become categories: plain strings have no missing value.

    Parameters
    ----------
    column
        Any column.
    """
    if _is_number(column.dtype):
        wide = column.dtype.kind == "f" and str(column.dtype) not in ("float32", "float64")
        return column.astype("float64") if wide else column
    if isinstance(column.dtype, pd.CategoricalDtype):
        categories = column.cat.categories
        if _is_number(categories.dtype):
            return column
        if _is_text(categories):
            return column.cat.rename_categories(categories.astype(object).tolist())
    text = column.astype(object).map(str, na_action="ignore")
    as_category = isinstance(column.dtype, pd.CategoricalDtype) or text.isna().any()
    return text.astype("category") if as_category else text


def _free_name(name: str, *, taken: Container[str]) -> str:
    # A slash would make a folder of the column; AnnData keeps the names of the cells in `_index`.
    target = "index_" if name == "_index" else name.replace("/", "_")
    while target in taken:
        target += "_"
    return target


def _is_plain(column: pd.Series) -> bool:
    if isinstance(column.dtype, pd.CategoricalDtype) and _is_number(column.cat.categories.dtype):
        return True
    return _is_number(column.dtype) or _is_text(_values(column))


def _values(column: pd.Series) -> list[object]:
    if isinstance(column.dtype, pd.CategoricalDtype):
        return list(column.cat.categories)
    return list(column.dropna())


def _is_number(dtype: object) -> bool:
    return getattr(dtype, "kind", "O") in "biuf" and not isinstance(dtype, pd.CategoricalDtype)


def _is_text(values: Iterable[object]) -> bool:
    return all(isinstance(value, str) for value in values)
