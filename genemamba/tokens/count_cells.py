"""A loader's cells as counts, read from stores over one list of genes."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from genemamba import keys
from genemamba.atlas.genes.mapping import MAPPED
from genemamba.atlas.kernels import is_canonical
from genemamba.atlas.store import open_store, read_var
from genemamba.atlas.versions.view import AtlasView
from genemamba.errors import StoreError
from genemamba.tokens.cell_sources import checked_rows

N_READERS: Final = 4
"""Threads that read chunks of one store: two cores are busy while two requests wait."""


class _OpenStore(NamedTuple):
    """What one process holds of a store."""

    pid: int
    data: Any
    indices: Any
    indptr: NDArray[np.int64]
    threads: ThreadPoolExecutor


class CountCells:
    """Counts of a store over one list of genes.

    The store is opened by each process for itself, at its first read, so that an object made
    before a fork can be used after it. Chunks are decoded by the codec pipeline that zarr is set to
    at that moment; ``zarrs.ZarrsCodecPipeline`` is faster, but hangs in a forked process whose
    parent has used it.

    Parameters
    ----------
    url
        The store, local or remote.
    gene_ids
        Distinct Ensembl ids of the columns wanted; a gene that the store lacks is zero.
    rows
        Ascending rows that may be served; None for all.

    Raises
    ------
    StoreError
        The store is missing or incomplete.
    InputError
        Rows are doubled, out of order, or not in the store.
    """

    def __init__(
        self, url: str, gene_ids: Sequence[str], *, rows: NDArray[np.int64] | None = None
    ) -> None:
        self.url = url
        self.n_vars = len(gene_ids)
        matrix: Any = open_store(url)["X"]
        self.n_rows = int(matrix.attrs["shape"][0])
        self.rows = checked_rows(rows, self.n_rows)
        var = read_var(url)
        mapped = var[keys.GENE_STATUS].isin(MAPPED).to_numpy()
        columns = np.where(mapped, pd.Index(gene_ids).get_indexer(var.index), -1)
        self._columns = columns.astype(np.int32)
        self._open: _OpenStore | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_open": None}

    def read(self, ranges: Sequence[tuple[int, int]]) -> csr_matrix:
        """Return runs of consecutive rows, one behind the other.

        Parameters
        ----------
        ranges
            First row, and one past the last, of every run.

        Returns
        -------
        CSR, float32, shape ``(n_read, n_vars)``. The genes of a cell are in the store's order,
        each once.

        Raises
        ------
        StoreError
            Part of the store is missing.

        Raises
        ------
        StoreError
            Part of the store is missing.
        """
        store = self._opened()
        spans = [(int(store.indptr[start]), int(store.indptr[stop])) for start, stop in ranges]
        reads = [(array, span) for array in (store.data, store.indices) for span in spans]
        parts = list(store.threads.map(_read_span, reads))
        data = np.concatenate([np.empty(0, np.float32), *parts[: len(spans)]], dtype=np.float32)
        indices = np.concatenate([np.empty(0, np.int32), *parts[len(spans) :]])
        lengths = [np.diff(store.indptr[start : stop + 1]) for start, stop in ranges]
        indptr = np.concatenate([np.zeros(1, np.int64), *lengths]).cumsum()
        if not is_canonical(indptr, indices, data):
            # Zarr takes zeros for a file that is gone: no count, and one gene again and again.
            msg = f"Expected the counts of {self.url} as written, found zeros: a shard is missing."
            raise StoreError(msg)
        return self._over_genes(data, indices, indptr)

    def _over_genes(
        self, data: NDArray[np.float32], indices: NDArray[np.int32], indptr: NDArray[np.int64]
    ) -> csr_matrix:
        columns = self._columns[indices]
        wanted = columns >= 0
        if not wanted.all():
            indptr = np.concatenate([np.zeros(1, np.int64), wanted.cumsum()])[indptr]
            data, columns = data[wanted], columns[wanted]
        return csr_matrix((data, columns, indptr), shape=(len(indptr) - 1, self.n_vars))

    def _opened(self) -> _OpenStore:
        if self._open is None or self._open.pid != os.getpid():
            matrix: Any = open_store(self.url)["X"]
            self._open = _OpenStore(
                pid=os.getpid(),
                data=matrix["data"],
                indices=matrix["indices"],
                indptr=np.asarray(matrix["indptr"][:], dtype=np.int64),
                threads=ThreadPoolExecutor(N_READERS),
            )
        return self._open


def cells_of_view(
    view: AtlasView,
    gene_ids: Sequence[str] | None = None,
    *,
    rows: Sequence[NDArray[np.int64] | None] | None = None,
) -> list[CountCells]:
    """Return the counts of an atlas version, one source for each store.

    Parameters
    ----------
    view
        The atlas version.
    gene_ids
        Distinct Ensembl ids of the columns wanted; those of the view by default.
    rows
        Ascending rows of each store to serve; those that the version keeps by default.
    """
    genes = view.gene_ids if gene_ids is None else gene_ids
    stores = view.manifest.stores
    kept = [entry.kept_rows() for entry in stores] if rows is None else rows
    return [
        CountCells(entry.url, genes, rows=chosen)
        for entry, chosen in zip(stores, kept, strict=True)
    ]


def _read_span(read: tuple[Any, tuple[int, int]]) -> NDArray[Any]:
    array, (low, high) = read
    return np.asarray(array[low:high])
