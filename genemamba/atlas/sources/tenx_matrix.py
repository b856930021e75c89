"""The matrix of a 10x HDF5 file: features by barcodes in CSC, which is cells by genes in CSR."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy.sparse import csr_matrix, hstack, vstack

from genemamba.array_files import map_array
from genemamba.atlas.sources.elements import damaged, open_elements
from genemamba.atlas.sparse import BLOCK_NNZ, RowRange, canonical_csr, row_blocks

TENX_H5: Final = "10x HDF5 file"
"""What the file is called in messages."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TenxMatrix:
    """One group of a 10x file, or one for each of several genomes, side by side."""

    path: Path
    """The file."""
    groups: tuple[str, ...]
    """Where they lie in it: ``matrix``, or the names of the genomes."""
    widths: tuple[int, ...]
    """Features of each group."""
    n_obs: int
    """Cells in all."""
    rows_in_groups: Path | None = None
    """NumPy file, int64, shape ``(n_groups, n_obs)``: the row of each cell in each group, -1 where
    it is absent; None where all groups have the same cells in the same order."""

    @property
    def shape(self) -> tuple[int, int]:
        """Cells and features."""
        return self.n_obs, sum(self.widths)

    def rows(self, start: int, stop: int) -> csr_matrix:
        """Return the cells ``start`` to ``stop`` as stored, canonical CSR."""
        start, stop, _ = slice(start, stop).indices(self.n_obs)
        with open_elements(self.path, kind=TENX_H5) as file:
            parts = [
                self._part(file[group], width, self._rows_of(number, start, stop))
                for number, (group, width) in enumerate(zip(self.groups, self.widths, strict=True))
            ]
        joined = parts[0] if len(parts) == 1 else hstack(parts, format="csr")
        return canonical_csr(joined)

    def blocks(
        self, *, max_nnz: int = BLOCK_NNZ, start: int = 0, stop: int | None = None
    ) -> Iterator[RowRange]:
        """Cut the cells into blocks of bounded size, as `row_blocks`."""
        if self.rows_in_groups is None and len(self.groups) == 1:
            with open_elements(self.path, kind=TENX_H5) as file:
                pointers = file[self.groups[0]]["indptr"]
                yield from row_blocks(pointers, max_nnz=max_nnz, start=start, stop=stop)
            return
        yield from row_blocks(self._pointers(), max_nnz=max_nnz, start=start, stop=stop)

    def _pointers(self) -> np.ndarray:
        """Return the row pointers of all groups together."""
        lengths = np.zeros(self.n_obs, dtype=np.int64)
        with open_elements(self.path, kind=TENX_H5) as file:
            for number, group in enumerate(self.groups):
                rows = self._rows_of(number, 0, self.n_obs)
                present = rows >= 0
                own = np.diff(file[group]["indptr"][:].astype(np.int64))
                lengths[present] += own[rows[present]]
        return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths)])

    def _rows_of(self, number: int, start: int, stop: int) -> np.ndarray:
        if self.rows_in_groups is None:
            return np.arange(start, stop)
        return np.asarray(map_array(self.rows_in_groups)[number, start:stop])

    def _part(self, group: Any, width: int, rows: np.ndarray) -> csr_matrix:  # noqa: ANN401  # h5py
        """Read some cells of one group; ``rows`` of -1 are empty."""
        present = np.flatnonzero(rows >= 0)
        lengths = np.zeros(len(rows), dtype=np.int64)
        if not len(present):
            return csr_matrix((len(rows), width), dtype=np.float64)
        # Barcodes are sorted in each group as in all of them together: one run, in general.
        runs = np.split(rows[present], np.flatnonzero(np.diff(rows[present]) != 1) + 1)
        read = [self._range(group, width, int(run[0]), int(run[-1]) + 1) for run in runs]
        found = vstack(read, format="csr") if len(read) > 1 else read[0]
        lengths[present] = np.diff(found.indptr)
        indptr = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths)])
        return csr_matrix((found.data, found.indices, indptr), shape=(len(rows), width))

    def _range(self, group: Any, width: int, start: int, stop: int) -> csr_matrix:  # noqa: ANN401  # h5py
        indptr = group["indptr"][start : stop + 1].astype(np.int64)
        low, high = int(indptr[0]), int(indptr[-1])
        indices = group["indices"][low:high]
        if len(indices) and (int(indices.min()) < 0 or int(indices.max()) >= width):
            found = f"a matrix with features from {indices.min()} to {indices.max()}, of {width}"
            raise damaged(self.path.name, found, kind=TENX_H5)
        data = group["data"][low:high].astype(np.float64)
        parts = data, indices.astype(np.int32), indptr - low
        return csr_matrix(parts, shape=(stop - start, width))


def check_group(group: Any, name: str, *, shape: tuple[int, int]) -> None:  # noqa: ANN401  # h5py
    """Refuse a group whose parts do not fit together; its values are not looked at.

    Parameters
    ----------
    group
        Holds ``data``, ``indices``, ``indptr`` and ``shape``.
    name
        The file's, for the message.
    shape
        Features and barcodes, as their tables have them.

    Raises
    ------
    SourceError
        They do not fit.
    """
    said = tuple(int(length) for length in group["shape"][:])
    if said != shape:
        found = f"a matrix of {said} features and barcodes beside tables of {shape}"
        raise damaged(name, found, kind=TENX_H5)
    indptr = group["indptr"][:].astype(np.int64)
    ends = (0, len(group["data"])) if len(indptr) else ()
    if len(indptr) != shape[1] + 1 or (int(indptr[0]), int(indptr[-1])) != ends:
        raise damaged(name, "a matrix whose pointers do not fit its values", kind=TENX_H5)
    if len(group["data"]) != len(group["indices"]) or (np.diff(indptr) < 0).any():
        raise damaged(name, "a matrix whose pointers do not fit its values", kind=TENX_H5)
    kinds = group["data"].dtype.kind, group["indices"].dtype.kind
    if kinds[0] not in "biuf" or kinds[1] not in "iu":
        found = f"values of type {group['data'].dtype} at {group['indices'].dtype}"
        raise damaged(name, found, kind=TENX_H5)
