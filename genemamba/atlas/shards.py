"""The parallel half of pass 2: each task fills one shard, or reads some cells back."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from genemamba.atlas.codecs import plain_codecs
from genemamba.atlas.counts import CountsReader
from genemamba.atlas.hashing import cell_totals, hash_cells
from genemamba.atlas.layout import project_columns
from genemamba.atlas.sparse import RowRange, row_blocks
from genemamba.atlas.store import read_rows
from genemamba.errors import StoreError
from genemamba.storage import open_zarr_group


@dataclass(frozen=True, kw_only=True, slots=True)
class ShardTask:
    """One shard of values and indices to write."""

    url: str
    """The store."""
    folder: Path
    """Files of the survey."""
    reader: CountsReader
    """Reads the deposit."""
    n_vars: int
    """Genes of the store."""
    span: tuple[int, int]
    """Elements of the shard, first and one past the last."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VerifyTask:
    """Some cells to read back."""

    url: str
    """The store."""
    folder: Path
    """Files of the survey."""
    rows: RowRange
    """The cells."""


def write_shard(task: ShardTask) -> None:
    """Fill one shard of values and the same one of indices; no other task writes to them.

    Parameters
    ----------
    task
        What to write where.

    Raises
    ------
    StoreError
        The deposit changed since pass 1.
    """
    low, high = task.span
    indptr = np.load(task.folder / "indptr.npy", mmap_mode="r")
    first = int(np.searchsorted(indptr, low, side="right")) - 1
    last = int(np.searchsorted(indptr, high, side="left"))
    data = np.empty(high - low)
    indices = np.empty(high - low, dtype=np.int32)
    for start, stop in row_blocks(indptr[first : last + 1]):
        counts = _read_kept(task, first + start, first + stop)
        begin, end = int(indptr[first + start]), int(indptr[first + stop])
        if counts.nnz != end - begin:
            msg = "Expected the deposit as it was in pass 1, found another number of counts in it."
            raise StoreError(msg)
        here = slice(max(begin, low) - low, min(end, high) - low)
        there = slice(max(begin, low) - begin, min(end, high) - begin)
        data[here], indices[here] = counts.data[there], counts.indices[there]
    with plain_codecs():
        matrix: Any = open_zarr_group(task.url, mode="r+")["X"]
        matrix["data"][low:high] = data.astype(matrix["data"].dtype)
        matrix["indices"][low:high] = indices


def count_wrong_cells(task: VerifyTask) -> int:
    """Read cells back and return how many are not what pass 1 read.

    Parameters
    ----------
    task
        Which cells of which store.
    """
    start, stop = task.rows
    hashes, totals, numbers = (
        np.load(task.folder / f"{name}.npy", mmap_mode="r")
        for name in ("hashes", "totals", "numbers")
    )
    counts = read_rows(open_zarr_group(task.url, mode="r"), start=start, stop=stop)
    # The hash leaves out unmapped genes; the total does not.
    wrong = (hash_cells(counts, numbers) != hashes[start:stop]) | (
        cell_totals(counts) != totals[start:stop]
    )
    return int(np.count_nonzero(wrong))


def _read_kept(task: ShardTask, start: int, stop: int) -> csr_matrix:
    """Read the cells that have the places ``start`` to ``stop`` in the store."""
    rows = np.load(task.folder / "rows.npy", mmap_mode="r")[start:stop]
    columns = np.load(task.folder / "columns.npy")
    first, last = int(rows[0]), int(rows[-1]) + 1
    counts = task.reader.read(first, last).counts
    if last - first > len(rows):
        counts = counts[rows - first]
    return project_columns(counts, columns, n_vars=task.n_vars)
