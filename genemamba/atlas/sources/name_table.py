"""A table of cells of formats that keep nothing of them but names."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd

from genemamba.atlas.sources.hdf5_columns import plain_values


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class NameTable:
    """Cells without columns; a name takes its bytes, a quarter of what a str takes."""

    names: np.ndarray
    """Names in UTF-8, bytes of fixed length, shape ``(n_obs,)``."""

    @classmethod
    def from_fields(cls, fields: Iterable[bytes]) -> Self:
        """Collect names in blocks; empty ones are left out, quotes around them taken off."""
        parts, block = [np.empty(0, dtype="S1")], list[bytes]()
        for field in fields:
            if name := field.strip(b'"'):
                block.append(name)
            if len(block) == 65_536:
                parts.append(np.asarray(block))
                block = []
        if block:
            parts.append(np.asarray(block))
        return cls(names=np.concatenate(parts))

    @property
    def n_obs(self) -> int:
        """Cells in all."""
        return len(self.names)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns: none."""
        return ()

    def rows(self, start: int, stop: int) -> pd.DataFrame:
        """Return the cells ``start`` to ``stop``, index = their names as str."""
        return pd.DataFrame(index=pd.Index(plain_values(self.names[start:stop]), dtype=object))
