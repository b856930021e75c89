"""Keys that occur more than once, and keys in order, among any number of cells."""

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, NamedTuple, Self

import numpy as np

from genemamba.publishing import storage_errors

N_BUCKETS: Final = 64
"""Files by the first bits of a key: 100 million cells make 37 MB each."""

_RECORD: Final = np.dtype([("high", "<u8"), ("low", "<u8"), ("row", "<i8")])


class SortedKeys(NamedTuple):
    """Some keys in ascending order, with the cells they belong to."""

    keys: np.ndarray
    """uint64, shape ``(n, 2)``."""
    rows: np.ndarray
    """int64, shape ``(n,)``; ascending where keys are equal."""


class KeySpool:
    """Keys of cells in scratch files, to be read in order of the keys; a context manager.

    Parameters
    ----------
    folder
        Scratch folder, created.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: list[BinaryIO] = []

    def __enter__(self) -> Self:
        with storage_errors(str(self._folder)):
            self._folder.mkdir(parents=True, exist_ok=True)
            self._files = [self._path(bucket).open("wb") for bucket in range(N_BUCKETS)]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for file in self._files:
            file.close()

    def append(self, keys: np.ndarray, *, first_row: int) -> None:
        """Add the keys of consecutive cells.

        Parameters
        ----------
        keys
            uint64, shape ``(n, 2)``; the first word orders first.
        first_row
            Cell of the first key.
        """
        records = np.empty(len(keys), dtype=_RECORD)
        records["high"], records["low"] = keys[:, 0], keys[:, 1]
        records["row"] = np.arange(first_row, first_row + len(keys))
        buckets = (keys[:, 0] >> np.uint64(58)).astype(np.int64)
        order = np.argsort(buckets, kind="stable")
        ends = np.searchsorted(buckets[order], np.arange(N_BUCKETS), side="right").tolist()
        with storage_errors(str(self._folder)):
            for file, low, high in zip(self._files, [0, *ends], ends, strict=False):
                file.write(records[order[low:high]].tobytes())

    def in_order(self) -> Iterator[SortedKeys]:
        """Yield all keys in ascending order, in blocks between which no key is shared."""
        for file in self._files:
            file.flush()
        for bucket in range(N_BUCKETS):
            records = np.fromfile(self._path(bucket), dtype=_RECORD)
            order = np.lexsort((records["row"], records["low"], records["high"]))
            keys = np.stack([records["high"][order], records["low"][order]], axis=1)
            yield SortedKeys(keys, records["row"][order])

    def repeated(self) -> Iterator[np.ndarray]:
        """Yield the cells of each key that occurs more than once, ascending."""
        for keys, rows in self.in_order():
            same = np.zeros(len(rows) + 1, dtype=bool)
            same[1:-1] = (keys[1:] == keys[:-1]).all(axis=1)
            # Place i is true where key i equals the one before it.
            starts = np.flatnonzero(same[1:] & ~same[:-1])
            stops = np.flatnonzero(~same[1:] & same[:-1]) + 1
            for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
                yield rows[start:stop]

    def _path(self, bucket: int) -> Path:
        return self._folder / f"keys-{bucket:02d}.bin"
