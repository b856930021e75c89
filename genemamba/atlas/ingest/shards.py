"""The parallel half of pass 2: each task writes one shard of a store."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import fsspec
import numpy as np
from scipy.sparse import csr_matrix

from genemamba.atlas.genes.column_map import ColumnMap
from genemamba.atlas.geometry import ShardGrid
from genemamba.atlas.ingest.block_survey import project_block
from genemamba.atlas.ingest.shard_bytes import ShardEncoder
from genemamba.atlas.ingest.survey import store_columns
from genemamba.atlas.sources.counts import CountsReader
from genemamba.atlas.sources.matrices import CsrParts
from genemamba.atlas.sparse import row_blocks
from genemamba.errors import StoreError
from genemamba.publishing import storage_errors
from genemamba.storage import join_url, split_url

ARRAYS: Final = ("data", "indices")
"""Arrays whose shards the tasks write, in this order."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ShardTask:
    """One shard of values, and the same one of indices."""

    url: str
    """The store."""
    folder: Path
    """Files of the survey."""
    journal: Path
    """Folder with a note of every shard that was written."""
    reader: CountsReader
    """Reads the deposit."""
    grid: ShardGrid
    """Cut of values and indices."""
    number: int
    """Which shard."""
    dtype: str
    """Type of the values."""
    block_nnz: int
    """Stored values that are read at a time."""


def write_shard(task: ShardTask) -> bool:
    """Write one shard of values and the same one of indices; no other task writes to them.

    Parameters
    ----------
    task
        What to write where.

    Returns
    -------
    False where both had been written before and their bytes are as noted then.

    Raises
    ------
    StoreError
        The deposit changed since pass 1.
    StorageError
        The store cannot be written.
    """
    fs, root = split_url(task.url)
    paths = shard_paths(root, task.number)
    note = task.journal / f"{task.number}.json"
    if _is_written(fs, paths, note):
        return False
    content = dict(zip(ARRAYS, _encode(task), strict=True))
    with storage_errors(task.url):
        for name, path in paths.items():
            fs.makedirs(path.rpartition("/")[0], exist_ok=True)
            fs.pipe_file(path, content[name])
        digests = {name: hashlib.sha256(content[name]).hexdigest() for name in ARRAYS}
        partial = note.with_suffix(".partial")
        partial.write_text(json.dumps(digests))
        partial.rename(note)
    return True


def shard_paths(root: str, number: int) -> dict[str, str]:
    """Return where a shard of each of `ARRAYS` lies in a store."""
    return {name: join_url(root, "X", name, "c", str(number)) for name in ARRAYS}


def _is_written(fs: fsspec.AbstractFileSystem, paths: dict[str, str], note: Path) -> bool:
    if not note.exists():
        return False
    digests = json.loads(note.read_text())
    return all(
        fs.exists(path) and hashlib.sha256(fs.cat_file(path)).hexdigest() == digests[name]
        for name, path in paths.items()
    )


def _encode(task: ShardTask) -> tuple[bytes, bytes]:
    """Read the cells of a shard and encode their values and indices."""
    low, high = task.grid.ranges()[task.number]
    layout, columns = ColumnMap.load(task.folder), store_columns(task.folder)
    pointers = columns["indptr"]
    first, last = pointers.last_at_most(low), pointers.last_at_most(high - 1) + 1
    values = ShardEncoder(task.grid, np.dtype(task.dtype))
    indices = ShardEncoder(task.grid, np.dtype(np.int32))
    for start, stop in row_blocks(pointers, max_nnz=task.block_nnz, start=first, stop=last):
        counts = _read_kept(task.reader, layout, columns["row"].read(start, stop), dtype=task.dtype)
        begin, end = (int(pointers.read(row, row + 1)[0]) for row in (start, stop))
        if len(counts.data) != end - begin:
            msg = "Expected the deposit as it was in pass 1, found another number of counts in it."
            raise StoreError(msg)
        wanted = slice(max(begin, low) - begin, min(end, high) - begin)
        values.append(counts.data[wanted])
        indices.append(counts.indices[wanted])
    return values.finish(), indices.finish()


def _read_kept(
    reader: CountsReader, layout: ColumnMap, rows: np.ndarray, *, dtype: str
) -> CsrParts:
    """Read some cells of the deposit, ascending, as the store has them."""
    first, last = int(rows[0]), int(rows[-1]) + 1
    counts = project_block(reader, layout, first, last, dtype=dtype)
    if last - first == len(rows):
        return counts
    shape = (last - first, layout.n_vars)
    kept = csr_matrix((counts.data, counts.indices, counts.indptr), shape=shape)[rows - first]
    return CsrParts(kept.indptr, kept.indices, kept.data)
