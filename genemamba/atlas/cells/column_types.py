"""Types in which columns of ``obs`` are stored, settled over all blocks of cells."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import pandas as pd

from genemamba.atlas.cells.columns import writable_column

MAX_GATHERED: Final = 10_000
"""Distinct texts of a column that are remembered, in case some cells have none."""

Kind = Literal["number", "nullable", "text", "categorical"]
"""Plain numbers, numbers of which some are missing, text, or codes into categories."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnType:
    """The type of one column."""

    kind: Kind
    """How it is stored."""
    dtype: str = ""
    """Of numbers, as pandas names it."""
    categories: pd.Index | None = None
    """All categories, in order; for text those seen, None where they are too many."""
    ordered: bool = False
    """Whether the categories have an order."""

    def merge(self, other: "ColumnType") -> "ColumnType":
        """Return the type that holds the values of two blocks."""
        if self.kind == other.kind == "number":
            dtype = np.result_type(np.dtype(self.dtype), np.dtype(other.dtype))
            return ColumnType(kind="number", dtype=str(dtype))
        if self.dtype or other.dtype:
            return self if self == other else ColumnType(kind="text")
        if self.categories is None or other.categories is None:
            return ColumnType(kind="text")
        if self.kind == other.kind == "categorical" and self.categories.equals(other.categories):
            return self
        joined = self.categories.append(other.categories).unique()
        both_text = self.kind == other.kind == "text"
        if len(joined) > MAX_GATHERED:
            return ColumnType(kind="text")
        return ColumnType(kind="text" if both_text else "categorical", categories=joined)

    def cast(self, column: pd.Series) -> pd.Series:
        """Return a block of the column in this type."""
        values = writable_column(column)
        if self.kind in ("number", "nullable"):
            return values.astype(pd.api.types.pandas_dtype(self.dtype))
        if self.kind == "text":
            return values.astype(object).where(values.notna(), "").map(str)
        if isinstance(values.dtype, pd.CategoricalDtype) and values.cat.categories.equals(
            self.categories
        ):
            return values
        dtype = pd.CategoricalDtype(self.categories, ordered=self.ordered)
        return values.astype(object).astype(dtype)


def type_of(column: pd.Series) -> ColumnType:
    """Return the type of a block of a column."""
    values = writable_column(column)
    if isinstance(values.dtype, pd.CategoricalDtype):
        return ColumnType(
            kind="categorical", categories=values.cat.categories, ordered=bool(values.cat.ordered)
        )
    if isinstance(values.dtype, np.dtype) and values.dtype.kind in "biuf":
        return ColumnType(kind="number", dtype=str(values.dtype))
    if getattr(values.dtype, "kind", "O") in "biuf":
        return ColumnType(kind="nullable", dtype=str(values.dtype))
    seen = pd.Index(values.unique(), dtype=object)
    return ColumnType(kind="text", categories=seen if len(seen) <= MAX_GATHERED else None)
