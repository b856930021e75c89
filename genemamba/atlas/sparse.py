"""Compressed sparse rows in blocks of bounded size, and on disk when they come by column."""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, NamedTuple, Self

import numpy as np
from scipy.sparse import csc_matrix, csr_matrix

from genemamba.publishing import storage_errors

BLOCK_NNZ: Final = 4 * 1024 * 1024
"""Stored values a block may hold: at most 100 MB with every temporary copy of it."""

BLOCK_N_OBS: Final = 65_536
"""Cells a block may hold, so that nearly empty cells do not make one block of them all."""


class RowRange(NamedTuple):
    """Consecutive cells, the second bound excluded."""

    start: int
    stop: int


def canonical_csr(matrix: csr_matrix) -> csr_matrix:
    """Sort the genes of each cell, add up repeated ones and drop stored zeros, in place."""
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    return matrix


def row_blocks(indptr: np.ndarray, *, max_nnz: int = BLOCK_NNZ) -> Iterator[RowRange]:
    """Cut cells into consecutive blocks of bounded size.

    Parameters
    ----------
    indptr
        CSR row pointers, shape ``(n_obs + 1,)``.
    max_nnz
        Stored values a block may hold. A single cell with more is a block of its own.

    Yields
    ------
    Ranges that cover every cell once, in order.
    """
    start, n_obs = 0, len(indptr) - 1
    while start < n_obs:
        fits = int(np.searchsorted(indptr, indptr[start] + max_nnz, side="right")) - 1
        stop = min(max(fits, start + 1), start + BLOCK_N_OBS, n_obs)
        yield RowRange(start, stop)
        start = stop


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

    def blocks(self, *, max_nnz: int = BLOCK_NNZ) -> Iterator[RowRange]:
        """Cut the cells into blocks of bounded size, as `row_blocks`."""
        return row_blocks(self.indptr(), max_nnz=max_nnz)

    def indptr(self) -> np.ndarray:
        """Return the row pointers, shape ``(n_obs + 1,)``, int64."""
        return np.asarray(np.load(self.folder / "indptr.npy", mmap_mode="r"))


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
    with storage_errors(str(folder)):
        _fill(columns, _pointers(lengths), folder)
    return SpooledMatrix(folder=folder, shape=(len(lengths), n_vars))


def _fill(columns: Iterator[csc_matrix], indptr: np.ndarray, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "indptr.npy", indptr)
    nnz = int(indptr[-1])
    data = _allocate(folder / "data.bin", np.float64, nnz)
    indices = _allocate(folder / "indices.bin", np.int32, nnz)
    cursor, first_gene = indptr[:-1].copy(), 0
    for block in columns:
        rows = block.tocsr()
        counts = np.diff(rows.indptr)
        target = np.repeat(cursor - rows.indptr[:-1], counts) + np.arange(rows.nnz)
        data[target], indices[target] = rows.data, rows.indices + first_gene
        cursor += counts
        first_gene += block.shape[1]


def _pointers(lengths: np.ndarray) -> np.ndarray:
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths, dtype=np.int64)])


def _allocate(path: Path, dtype: type, size: int) -> np.ndarray:
    if size == 0:  # an empty file cannot be mapped
        path.touch()
        return np.empty(0, dtype=dtype)
    if sys.platform == "linux":
        # A disk that runs full under a memory map kills the process; here it raises OSError.
        with path.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, size * np.dtype(dtype).itemsize)
        return np.memmap(path, dtype=dtype, mode="r+", shape=(size,))
    return np.memmap(path, dtype=dtype, mode="w+", shape=(size,))


def _read(path: Path, dtype: type, low: int, high: int) -> np.ndarray:
    itemsize = np.dtype(dtype).itemsize
    return np.fromfile(path, dtype=dtype, count=high - low, offset=low * itemsize)
