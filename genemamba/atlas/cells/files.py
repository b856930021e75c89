"""One value or hash per cell, in scratch files: however many cells there are, memory holds few."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from genemamba.publishing import storage_errors

BINARY_SEARCH_N: Final = 4096
"""Values that a search reads at once when it has narrowed the place down."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CellColumn:
    """A file of values of one type, one for each cell; picklable."""

    path: Path
    """The file."""
    dtype: str
    """NumPy's name of the type."""
    width: int = 1
    """Values a cell."""

    def write(self, start: int, values: np.ndarray) -> None:
        """Put the values of the cells from ``start`` on into their place.

        Raises
        ------
        StorageError
            The scratch folder cannot be written, or its disk is full.
        """
        content = np.ascontiguousarray(values, dtype=self.dtype).tobytes()
        with storage_errors(str(self.path.parent)):
            # Several tasks write one file, each its own part of it.
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o644)
            try:
                _write_all(descriptor, content, offset=start * self._itemsize)
            finally:
                os.close(descriptor)

    def read(self, start: int, stop: int) -> np.ndarray:
        """Return the values of the cells ``start`` to ``stop``, shape ``(n,)`` or ``(n, width)``."""
        count, offset = (stop - start) * self.width, start * self._itemsize
        values = np.fromfile(self.path, dtype=self.dtype, count=count, offset=offset)
        return values if self.width == 1 else values.reshape(-1, self.width)

    def __getitem__(self, cells: slice) -> np.ndarray:
        """Return the values of a slice of cells."""
        start, stop, _ = cells.indices(len(self))
        return self.read(start, max(start, stop))

    def __len__(self) -> int:
        """Return the number of cells."""
        return self.path.stat().st_size // self._itemsize if self.path.exists() else 0

    def last_at_most(self, value: int) -> int:
        """Return the last place, in ascending values, that holds no more than a value."""
        low, high = 0, len(self)
        while high - low > BINARY_SEARCH_N:
            middle = (low + high) // 2
            low, high = (
                (middle, high) if self.read(middle, middle + 1)[0] <= value else (low, middle)
            )
        return low + int(np.searchsorted(self.read(low, high), value, side="right")) - 1

    @property
    def _itemsize(self) -> int:
        return np.dtype(self.dtype).itemsize * self.width


def open_columns(folder: Path, types: Mapping[str, tuple[str, int]]) -> dict[str, CellColumn]:
    """Return the columns of a folder by name.

    Parameters
    ----------
    folder
        Where the files are or will be.
    types
        Type and width of each column.
    """
    return {
        name: CellColumn(path=folder / f"{name}.bin", dtype=dtype, width=width)
        for name, (dtype, width) in types.items()
    }


def _write_all(descriptor: int, content: bytes, *, offset: int) -> None:
    view = memoryview(content)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written
