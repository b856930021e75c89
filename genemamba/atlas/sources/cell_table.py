"""The table of cells of a deposit, read in blocks of rows so that any number of cells fits."""

from dataclasses import dataclass
from typing import Protocol

import pandas as pd


class CellTable(Protocol):
    """Cells with their names and columns, as deposited; picklable where it holds paths only."""

    @property
    def n_obs(self) -> int:
        """Cells in all."""
        ...

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        ...

    def rows(self, start: int, stop: int) -> pd.DataFrame:
        """Return the cells ``start`` to ``stop``, index = their names as str.

        Every block has the same columns of the same types; a categorical column has all of
        its categories in each.
        """
        ...


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FrameTable:
    """A table that fits in memory: of formats that keep no more than names."""

    frame: pd.DataFrame
    """All cells, index = names as str."""

    @property
    def n_obs(self) -> int:
        """Cells in all."""
        return len(self.frame)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return tuple(str(column) for column in self.frame.columns)

    def rows(self, start: int, stop: int) -> pd.DataFrame:
        """Return the cells ``start`` to ``stop``."""
        return self.frame.iloc[start:stop]
