"""Proof of what was written: every shard is read back and its cells compared with pass 1."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix

from genemamba.atlas.cells.files import CellColumn
from genemamba.atlas.cells.hashing import hash_cells
from genemamba.atlas.genes.column_map import ColumnMap
from genemamba.atlas.ingest.shard_bytes import ShardDecoder
from genemamba.atlas.ingest.shards import ARRAYS, ShardTask, shard_paths
from genemamba.atlas.ingest.survey import store_columns
from genemamba.atlas.sparse import row_blocks
from genemamba.storage import split_url


class PartialCell(NamedTuple):
    """What one shard holds of a cell that goes on in another."""

    row: int
    """The cell."""
    words: np.ndarray
    """Sums over the pairs in the shard, the hash and the rest of `CellHashes`, uint64, shape ``(3,)``."""
    total: float
    """Sum of the counts in the shard."""


class ShardCheck(NamedTuple):
    """What reading a shard back showed."""

    n_wrong: int
    """Cells wholly in the shard that are not what pass 1 read."""
    partial: tuple[PartialCell, ...]
    """Cells that go beyond it, at most two."""


def check_shard(task: ShardTask) -> ShardCheck:
    """Read one shard of values and of indices back and compare its cells with pass 1.

    Parameters
    ----------
    task
        The shard.

    Raises
    ------
    StoreError
        A checksum is not that of the bytes.
    """
    low, high = task.grid.ranges()[task.number]
    data, indices = _open_shards(task)
    layout, columns = ColumnMap.load(task.folder), store_columns(task.folder)
    first = columns["indptr"].last_at_most(low)
    last = columns["indptr"].last_at_most(high - 1) + 1
    n_wrong, partial = 0, []
    for start, stop in row_blocks(
        columns["indptr"], max_nnz=task.block_nnz, start=first, stop=last
    ):
        whole = columns["indptr"].read(start, stop + 1)
        indptr = np.clip(whole, low, high) - low
        here = int(indptr[0]), int(indptr[-1])
        parts = data.read(*here), indices.read(*here), indptr - indptr[0]
        found = hash_cells(csr_matrix(parts, shape=(stop - start, layout.n_vars)), layout.numbers)
        beyond = (whole[:-1] < low) | (whole[1:] > high)
        words = np.column_stack([found.hashes, found.rests])
        wrong = _differs(columns, start, words, found.totals)
        n_wrong += int(np.count_nonzero(wrong & ~beyond))
        partial += [
            PartialCell(start + int(row), words[row], float(found.totals[row]))
            for row in np.flatnonzero(beyond)
        ]
    return ShardCheck(n_wrong, tuple(partial))


def count_wrong_cells(checks: Sequence[ShardCheck], columns: dict[str, CellColumn]) -> int:
    """Return how many cells of a store are not what pass 1 read.

    Parameters
    ----------
    checks
        Of all shards.
    columns
        What pass 1 noted of each cell of the store.
    """
    sums: dict[int, tuple[np.ndarray, float]] = {}
    for part in (part for check in checks for part in check.partial):
        before, total = sums.get(part.row, (np.zeros(3, dtype=np.uint64), 0.0))
        sums[part.row] = before + part.words, total + part.total
    wrong = [
        _differs(columns, row, words[None, :], np.asarray([total]))[0]
        for row, (words, total) in sums.items()
    ]
    return sum(check.n_wrong for check in checks) + sum(map(int, wrong))


def _open_shards(task: ShardTask) -> tuple[ShardDecoder, ShardDecoder]:
    fs, root = split_url(task.url)
    paths = shard_paths(root, task.number)
    types = dict(zip(ARRAYS, (np.dtype(task.dtype), np.dtype(np.int32)), strict=True))
    data, indices = (
        ShardDecoder(fs.cat_file(paths[name]), task.grid, types[name]) for name in ARRAYS
    )
    return data, indices


def _differs(
    columns: dict[str, CellColumn], start: int, words: np.ndarray, totals: np.ndarray
) -> np.ndarray:
    stop = start + len(totals)
    noted = [columns["hash"].read(start, stop), columns["rest"].read(start, stop)]
    return np.asarray(
        (words != np.column_stack(noted)).any(axis=1)
        | (totals != columns["total"].read(start, stop))
    )
