"""Columns of HDF5 files, read by ranges, and tables of cells that are made of them."""

import html
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from genemamba.atlas.sources.elements import open_elements


@dataclass(frozen=True, kw_only=True, slots=True)
class Hdf5CellTable:
    """Cells whose names and columns are one-dimensional arrays of an HDF5 file."""

    path: Path
    """The file."""
    kind: str
    """What the file should be, for messages."""
    n_obs: int
    """Cells in all."""
    names: str | None
    """Where their names lie in the file; None where they have none and are numbered from 0."""
    sources: tuple[tuple[str, str], ...] = ()
    """Name of each column, and where it lies in the file."""
    escaped: bool = False
    """Whether strings may hold XML entities, as older loom files do."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return tuple(name for name, _ in self.sources)

    def rows(self, start: int, stop: int) -> pd.DataFrame:
        """Return the cells ``start`` to ``stop``, index = their names as str.

        Raises
        ------
        SourceError
            The file is damaged.
        """
        start, stop, _ = slice(start, stop).indices(self.n_obs)
        with open_elements(self.path, kind=self.kind) as file:
            if self.names is None:
                names = np.arange(start, stop).astype(str).astype(object)
            else:
                values = plain_values(file[self.names][start:stop], escaped=self.escaped)
                names = values.astype(str).astype(object)
            columns = {
                name: plain_values(file[element][start:stop], escaped=self.escaped)
                for name, element in self.sources
            }
        return pd.DataFrame(columns, index=pd.Index(names, dtype=object))


def plain_values(values: Any, *, escaped: bool = False) -> np.ndarray:  # noqa: ANN401  # as h5py has it
    """Return what h5py read in the types that pandas knows: str objects, native numbers.

    Parameters
    ----------
    values
        Array of any type, shape ``(n,)``.
    escaped
        Whether strings may hold XML entities, to be resolved.
    """
    array = np.asarray(values)
    if array.dtype.kind not in "SOU":
        return array.astype(array.dtype.newbyteorder("="), copy=False)
    texts = [
        item.decode(errors="replace") if isinstance(item, bytes) else str(item)
        for item in array.tolist()
    ]
    if escaped:
        texts = [html.unescape(text) for text in texts]
    result = np.empty(len(texts), dtype=object)
    result[:] = texts
    return result
