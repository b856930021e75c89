"""The matrices of AnnData files, HDF5 or Zarr, readable by cells without loading the file."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
from scipy.sparse import csc_matrix, csr_matrix

from genemamba.atlas.sources.elements import damaged, open_elements, reading
from genemamba.atlas.sources.spool import SpooledMatrix, is_spooled, spool_columns
from genemamba.atlas.sparse import (
    BLOCK_NNZ,
    RowRange,
    canonical_csr,
    row_blocks,
)


class CsrParts(NamedTuple):
    """Compressed sparse rows, possibly in any order, with repeats and zeros."""

    indptr: np.ndarray
    """Row pointers, int64, from 0 on."""
    indices: np.ndarray
    """Columns."""
    data: np.ndarray
    """Values."""


POINTERS_AT_ONCE: Final = 1024 * 1024
"""Row pointers that are checked at a time: 8 MB."""


class Matrix(Protocol):
    """Cells by genes, on disk; picklable, because it holds paths only."""

    @property
    def shape(self) -> tuple[int, int]:
        """Cells and genes."""
        ...

    def rows(self, start: int, stop: int) -> csr_matrix:
        """Return the cells ``start`` to ``stop`` as stored, canonical CSR."""
        ...

    def blocks(
        self, *, max_nnz: int = BLOCK_NNZ, start: int = 0, stop: int | None = None
    ) -> Iterator[RowRange]:
        """Cut the cells ``start`` to ``stop`` into consecutive blocks of bounded size."""
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

    def parts(self, start: int, stop: int) -> CsrParts:
        """Return the cells ``start`` to ``stop`` as stored, nothing of them checked."""
        with open_elements(self.path) as file:
            group = file[self.element]
            indptr = group["indptr"][start : stop + 1].astype(np.int64)
            low, high = int(indptr[0]), int(indptr[-1])
            return CsrParts(indptr - low, group["indices"][low:high], group["data"][low:high])

    def rows(self, start: int, stop: int) -> csr_matrix:
        """Return the cells ``start`` to ``stop`` as stored, canonical CSR."""
        with reading(self.path.name):
            indptr, indices, data = self.parts(start, stop)
            indices = _checked(indices, self.shape[1], self.path.name)
            parts = _as_float(data), indices, indptr
            matrix = csr_matrix(parts, shape=(stop - start, self.shape[1]))
        return canonical_csr(matrix)

    def blocks(
        self, *, max_nnz: int = BLOCK_NNZ, start: int = 0, stop: int | None = None
    ) -> Iterator[RowRange]:
        """Cut the cells into blocks of bounded size, as `row_blocks`."""
        end = self.shape[0] if stop is None else stop
        with open_elements(self.path) as file:
            pointers = file[self.element]["indptr"]
            yield from row_blocks(pointers, max_nnz=max_nnz, start=start, stop=end)


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

    def blocks(
        self, *, max_nnz: int = BLOCK_NNZ, start: int = 0, stop: int | None = None
    ) -> Iterator[RowRange]:
        """Cut the cells into blocks of bounded size, as `row_blocks`."""
        n_obs, n_vars = self.shape
        return row_blocks(
            range(0, n_obs * n_vars + 1, n_vars), max_nnz=max_nnz, start=start, stop=stop
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class CscElement:
    """A ``csc_matrix`` group of an AnnData file, which must be turned round to be read by cells."""

    path: Path
    """The h5ad file or Zarr folder."""
    element: str
    """Where the group lies in it."""
    shape: tuple[int, int]
    """Cells and genes."""

    def by_cells(self, folder: Path) -> SpooledMatrix:
        """Write the matrix by cells into a scratch folder.

        Raises
        ------
        SourceError
            The deposit is damaged.
        StorageError
            The scratch folder cannot be written.
        """
        n_obs, n_vars = self.shape
        if is_spooled(folder):
            return SpooledMatrix(folder=folder, shape=self.shape)
        lengths = np.zeros(n_obs, dtype=np.int64)
        with open_elements(self.path) as file:
            group = file[self.element]
            indptr = group["indptr"][:].astype(np.int64)
            for low in range(0, int(indptr[-1]), BLOCK_NNZ):
                indices = _checked(group["indices"][low : low + BLOCK_NNZ], n_obs, self.path.name)
                lengths += np.bincount(indices, minlength=n_obs)
        return spool_columns(self._columns(indptr), lengths=lengths, n_vars=n_vars, folder=folder)

    def _columns(self, indptr: np.ndarray) -> Iterator[csc_matrix]:
        # The file is closed while a block is out: what its user does is no reading of it.
        for start, stop in row_blocks(indptr):
            low, high = int(indptr[start]), int(indptr[stop])
            with open_elements(self.path) as file:
                group = file[self.element]
                indices = _checked(group["indices"][low:high], self.shape[0], self.path.name)
                parts = _as_float(group["data"][low:high]), indices, indptr[start : stop + 1] - low
                block = csc_matrix(parts, shape=(self.shape[0], stop - start))
            yield block


def open_matrix(path: Path, element: str) -> CsrElement | CscElement | DenseElement | None:
    """Return the matrix at a place in an AnnData file; None where there is no numeric one.

    Parameters
    ----------
    path
        An h5ad file, or a Zarr folder.
    element
        Where to look in it, such as ``X`` or ``layers/counts``.

    Raises
    ------
    SourceError
        The file is damaged; the pointers of a sparse matrix are checked, its values are not.
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
        _check_pointers(node, shape[encoding == "csc"], path.name)
    kind = CsrElement if encoding == "csr" else CscElement
    return kind(path=path, element=element, shape=shape)


def _encoding(node: Any) -> str | None:  # noqa: ANN401  # h5py and zarr share no type
    encoding = node.attrs.get("encoding-type", node.attrs.get("h5sparse_format"))
    if hasattr(node, "dtype"):
        return "dense" if node.ndim == 2 and node.dtype.kind in "biuf" else None
    return None if encoding is None else str(encoding).removesuffix("_matrix")


def _shape(values: Any) -> tuple[int, int]:  # noqa: ANN401  # list, tuple or array
    n_obs, n_vars = (int(value) for value in values)
    return n_obs, n_vars


def _check_pointers(group: Any, n_vectors: int, name: str) -> None:  # noqa: ANN401  # as above
    """Refuse row (or column) pointers that do not cut the values into consecutive parts."""
    indptr, data, indices = group["indptr"], group["data"], group["indices"]
    if indptr.dtype.kind not in "iu" or indices.dtype.kind not in "iu":
        raise damaged(name, f"pointers of type {indptr.dtype} and indices of {indices.dtype}")
    if data.dtype.kind not in "biuf":
        raise damaged(name, f"values of type {data.dtype}")
    fits = indptr.shape == (n_vectors + 1,) and int(indptr[0]) == 0
    if not fits or {data.shape, indices.shape} != {(int(indptr[n_vectors]),)}:
        raise damaged(name, "a sparse matrix whose pointers do not fit its values")
    for start in range(0, n_vectors, POINTERS_AT_ONCE):
        window = indptr[start : start + POINTERS_AT_ONCE + 1]
        if (window[1:] < window[:-1]).any():
            raise damaged(name, "a sparse matrix whose pointers go back")


def _checked(indices: np.ndarray, bound: int, name: str) -> np.ndarray:
    """Return indices as they are, all of them in ``[0, bound)``: negative ones would wrap."""
    if len(indices) and (int(indices.min()) < 0 or int(indices.max()) >= bound):
        found = f"a sparse matrix with indices from {indices.min()} to {indices.max()}"
        raise damaged(name, f"{found}, of {bound}")
    return indices


def _as_float(values: np.ndarray) -> np.ndarray:
    """Return float32 as it is and everything else as float64, which holds counts below 2**53."""
    return values if values.dtype == np.float32 else values.astype(np.float64)
