"""The matrices of AnnData files, HDF5 or Zarr, readable by cells without loading the file."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import h5py
import numpy as np
import zarr
from scipy.sparse import csc_matrix, csr_matrix

from genemamba.atlas.sparse import (
    BLOCK_NNZ,
    RowRange,
    SpooledMatrix,
    canonical_csr,
    row_blocks,
    spool_columns,
)
from genemamba.errors import SourceError


class Matrix(Protocol):
    """Cells by genes, on disk; picklable, because it holds paths only."""

    @property
    def shape(self) -> tuple[int, int]:
        """Cells and genes."""
        ...

    def rows(self, start: int, stop: int) -> csr_matrix:
        """Return the cells ``start`` to ``stop`` as stored, canonical CSR."""
        ...

    def blocks(self, *, max_nnz: int = BLOCK_NNZ) -> Iterator[RowRange]:
        """Cut the cells into consecutive blocks of bounded size."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class CsrElement:
    """A ``csr_matrix`` group of an AnnData file."""

    path: Path
    """The h5ad file or Zarr folder."""
    element: str
    """Where the group lies in it, such as ``layers/counts``."""
    shape: tuple[int, int]
    """Cells and genes."""

    def rows(self, start: int, stop: int) -> csr_matrix:
        """Return the cells ``start`` to ``stop`` as stored, canonical CSR."""
        with open_elements(self.path) as file:
            group = file[self.element]
            indptr = group["indptr"][start : stop + 1].astype(np.int64)
            low, high = int(indptr[0]), int(indptr[-1])
            data, indices = group["data"][low:high], group["indices"][low:high]
        shape = (stop - start, self.shape[1])
        return canonical_csr(csr_matrix((_as_float(data), indices, indptr - low), shape=shape))

    def blocks(self, *, max_nnz: int = BLOCK_NNZ) -> Iterator[RowRange]:
        """Cut the cells into blocks of bounded size, as `row_blocks`."""
        with open_elements(self.path) as file:
            indptr = file[self.element]["indptr"][:].astype(np.int64)
        return row_blocks(indptr, max_nnz=max_nnz)


@dataclass(frozen=True, kw_only=True, slots=True)
class DenseElement:
    """A two-dimensional array of an AnnData file."""

    path: Path
    """The h5ad file or Zarr folder."""
    element: str
    """Where the array lies in it, such as ``X``."""
    shape: tuple[int, int]
    """Cells and genes."""

    def rows(self, start: int, stop: int) -> csr_matrix:
        """Return the cells ``start`` to ``stop`` as stored, canonical CSR."""
        with open_elements(self.path) as file:
            return csr_matrix(_as_float(file[self.element][start:stop]))

    def blocks(self, *, max_nnz: int = BLOCK_NNZ) -> Iterator[RowRange]:
        """Cut the cells into blocks of bounded size, as `row_blocks`."""
        n_obs, n_vars = self.shape
        return row_blocks(np.arange(n_obs + 1, dtype=np.int64) * n_vars, max_nnz=max_nnz)


@contextmanager
def open_elements(path: Path) -> Iterator[Any]:
    """Open an AnnData file as nested mappings of groups and arrays.

    Parameters
    ----------
    path
        An h5ad file, or a Zarr folder.

    Raises
    ------
    SourceError
        The file is not HDF5, is cut off, or a block of it cannot be decoded.
    """
    try:
        if path.is_dir():
            yield zarr.open_group(path, mode="r")
        else:
            with h5py.File(path, "r") as file:
                yield file
    except OSError as error:
        raise SourceError(
            expected=f"{path.name} to be a whole AnnData file",
            found=f"one that cannot be read ({error})",
            remedy="Copy the deposit again, or write it again with adata.write_h5ad.",
        ) from error


def open_matrix(path: Path, element: str, *, scratch: Path) -> Matrix | None:
    """Return the matrix at a place in an AnnData file; None where there is no numeric one.

    Parameters
    ----------
    path
        An h5ad file, or a Zarr folder.
    element
        Where to look in it, such as ``X`` or ``layers/counts``.
    scratch
        Folder in which a matrix stored by gene (CSC) is turned round, once.
    """
    with open_elements(path) as file:
        if element not in file:
            return None
        node = file[element]
        encoding = _encoding(node)
        if encoding == "dense":
            return DenseElement(path=path, element=element, shape=_shape(node.shape))
        if encoding not in ("csr", "csc"):
            return None
        shape = _shape(node.attrs.get("shape", node.attrs.get("h5sparse_shape")))
        if encoding == "csr":
            return CsrElement(path=path, element=element, shape=shape)
        return _spool_csc(node, shape, folder=scratch / f"rows-{element.replace('/', '-')}")


def _encoding(node: Any) -> str | None:  # noqa: ANN401  # h5py and zarr share no type
    encoding = node.attrs.get("encoding-type", node.attrs.get("h5sparse_format"))
    if hasattr(node, "dtype"):
        return "dense" if node.ndim == 2 and node.dtype.kind in "biuf" else None
    return None if encoding is None else str(encoding).removesuffix("_matrix")


def _shape(values: Any) -> tuple[int, int]:  # noqa: ANN401  # list, tuple or array
    n_obs, n_vars = (int(value) for value in values)
    return n_obs, n_vars


def _spool_csc(group: Any, shape: tuple[int, int], *, folder: Path) -> SpooledMatrix:  # noqa: ANN401
    n_obs, n_vars = shape
    indptr = group["indptr"][:].astype(np.int64)
    lengths = np.zeros(n_obs, dtype=np.int64)
    for low in range(0, int(indptr[-1]), BLOCK_NNZ):
        lengths += np.bincount(group["indices"][low : low + BLOCK_NNZ], minlength=n_obs)
    columns = _column_blocks(group, indptr, n_obs)
    return spool_columns(columns, lengths=lengths, n_vars=n_vars, folder=folder)


def _column_blocks(group: Any, indptr: np.ndarray, n_obs: int) -> Iterator[csc_matrix]:  # noqa: ANN401
    for start, stop in row_blocks(indptr):
        low, high = int(indptr[start]), int(indptr[stop])
        parts = group["data"][low:high], group["indices"][low:high], indptr[start : stop + 1] - low
        yield csc_matrix(parts, shape=(n_obs, stop - start))


def _as_float(values: np.ndarray) -> np.ndarray:
    """Return float32 as it is and everything else as float64, which holds counts below 2**53."""
    return values if values.dtype == np.float32 else values.astype(np.float64)
