"""Columns of ``obs`` in the types that AnnData's on-disk format has."""

from collections.abc import Container, Iterable

import pandas as pd


def name_changes(names: Iterable[str]) -> dict[str, str]:
    """Return the name under which each column can be written; no two have the same.

    Parameters
    ----------
    names
        Names of the columns, distinct.
    """
    changes: dict[str, str] = {}
    for name in names:
        changes[name] = _free_name(name, taken=set(changes.values()))
    return changes


def is_plain(column: pd.Series) -> bool:
    """Tell whether a column holds numbers or text only, and so is written as it is."""
    if isinstance(column.dtype, pd.CategoricalDtype) and _is_number(column.cat.categories.dtype):
        return True
    return _is_number(column.dtype) or _is_text(_values(column))


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


def _values(column: pd.Series) -> list[object]:
    if isinstance(column.dtype, pd.CategoricalDtype):
        return list(column.cat.categories)
    return list(column.dropna())


def _is_number(dtype: object) -> bool:
    return getattr(dtype, "kind", "O") in "biuf" and not isinstance(dtype, pd.CategoricalDtype)


def _is_text(values: Iterable[object]) -> bool:
    return all(isinstance(value, str) for value in values)
