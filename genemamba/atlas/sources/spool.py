"""Matrices in raw files of a scratch folder: written by line or by gene, read by cells."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

import numpy as np
from scipy.sparse import csc_matrix, csr_matrix

from genemamba.array_files import map_array
from genemamba.atlas.sparse import BLOCK_NNZ, RowRange, canonical_csr, row_blocks
from genemamba.publishing import storage_errors

MAX_PARTS: Final = 1024
"""Files that the values of a matrix by column are dealt out to."""

_RECORD: Final = np.dtype([("row", "<i4"), ("gene", "<i4"), ("value", "<f8")])


@dataclass(frozen=True, kw_only=True, slots=True)
class SpooledMatrix:
    """A CSR matrix in three raw files of a scratch folder, read by memory map."""

    folder: Path
    """Holds ``indptr.npy``, ``indices.bin`` (int32) and ``data.bin`` (float64)."""
    shape: tuple[int, int]
    """Cells and genes."""

    def rows(self, start: int, stop: int) -> csr_matrix:
        """Return the cells ``start`` to ``stop``, canonical, shape ``(stop - start, n_vars)``."""
        indptr = self.indptr()[start : stop + 1]
        low, high = int(indptr[0]), int(indptr[-1])
        data = _read(self.folder / "data.bin", np.float64, low, high)
        indices = _read(self.folder / "indices.bin", np.int32, low, high)
        shape = (stop - start, self.shape[1])
        return canonical_csr(csr_matrix((data, indices, indptr - low), shape=shape))

    def blocks(
        self, *, max_nnz: int = BLOCK_NNZ, start: int = 0, stop: int | None = None
    ) -> Iterator[RowRange]:
        """Cut the cells into blocks of bounded size, as `row_blocks`."""
        return row_blocks(self.indptr(), max_nnz=max_nnz, start=start, stop=stop)

    def indptr(self) -> np.ndarray:
        """Return the row pointers, shape ``(n_obs + 1,)``, int64, on disk."""
        return np.asarray(map_array(self.folder / "indptr.npy"))


class RowSpool:
    """Appends cells to the files that `SpooledMatrix` reads; a context manager."""

    def __init__(self, folder: Path, *, n_vars: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._n_vars = n_vars
        self._lengths: list[int] = []
        self._indices: BinaryIO = (folder / "indices.bin").open("wb")
        self._data: BinaryIO = (folder / "data.bin").open("wb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._indices.close()
        self._data.close()

    def append(self, values: np.ndarray) -> None:
        """Add one dense row, shape ``(n_vars,)``; its zeros take no room."""
        where = np.flatnonzero(values)
        self._lengths.append(len(where))
        self._indices.write(where.astype(np.int32).tobytes())
        self._data.write(values[where].astype(np.float64).tobytes())

    def finish(self) -> SpooledMatrix:
        """Close the files and return the matrix that reads them."""
        self.__exit__(None, None, None)
        np.save(self._folder / "indptr.npy", _pointers(np.asarray(self._lengths, dtype=np.int64)))
        return SpooledMatrix(folder=self._folder, shape=(len(self._lengths), self._n_vars))


def spool_columns(
    columns: Iterator[csc_matrix], *, lengths: np.ndarray, n_vars: int, folder: Path
) -> SpooledMatrix:
    """Turn a matrix that comes by column into one that can be read by row.

    The values are first dealt out to files of consecutive cells, and each of these is then
    sorted on its own, so that memory holds a part of the matrix only.

    Parameters
    ----------
    columns
        Consecutive blocks of genes, each shape ``(n_obs, genes in block)``.
    lengths
        Stored values of every cell, shape ``(n_obs,)``.
    n_vars
        Genes in all.
    folder
        Scratch folder, created.

    Raises
    ------
    StorageError
        The scratch folder cannot be written, or its disk is full.
    """
    indptr = _pointers(lengths)
    part_nnz = max(BLOCK_NNZ, int(indptr[-1]) // MAX_PARTS)
    parts = list(row_blocks(indptr, max_nnz=part_nnz))
    with storage_errors(str(folder)):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        _deal(columns, parts, folder)
        _sort_parts(parts, folder)
        # The pointers come last: with them the matrix is whole.
        np.save(folder / "partial.npy", indptr)
        (folder / "partial.npy").rename(folder / "indptr.npy")
    return SpooledMatrix(folder=folder, shape=(len(lengths), n_vars))


def is_spooled(folder: Path) -> bool:
    """Tell whether a whole matrix lies in a folder."""
    return (folder / "indptr.npy").exists()


def _deal(columns: Iterator[csc_matrix], parts: Sequence[RowRange], folder: Path) -> None:
    starts = np.asarray([part.start for part in parts])
    first_gene = 0
    for block in columns:
        rows = block.tocsr()
        records = np.empty(rows.nnz, dtype=_RECORD)
        records["row"] = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
        records["gene"] = rows.indices + first_gene
        records["value"] = rows.data
        ends = np.searchsorted(records["row"], starts[1:]).tolist()
        bounds = zip([0, *ends], [*ends, len(records)], strict=True)
        for number, (low, high) in enumerate(bounds):
            if high > low:
                with _part(folder, number).open("ab") as file:
                    file.write(records[low:high].tobytes())
        first_gene += block.shape[1]


def _sort_parts(parts: Sequence[RowRange], folder: Path) -> None:
    with (folder / "indices.bin").open("wb") as indices, (folder / "data.bin").open("wb") as data:
        for number in range(len(parts)):
            path = _part(folder, number)
            if not path.exists():
                continue
            records = np.fromfile(path, dtype=_RECORD)
            # Genes came in ascending order, so a stable sort keeps them so in each cell.
            records = records[np.argsort(records["row"], kind="stable")]
            indices.write(records["gene"].tobytes())
            data.write(records["value"].tobytes())
            path.unlink()


def _part(folder: Path, number: int) -> Path:
    return folder / f"part-{number:04d}.bin"


def _pointers(lengths: np.ndarray) -> np.ndarray:
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths, dtype=np.int64)])


def _read(path: Path, dtype: type, low: int, high: int) -> np.ndarray:
    itemsize = np.dtype(dtype).itemsize
    return np.fromfile(path, dtype=dtype, count=high - low, offset=low * itemsize)
