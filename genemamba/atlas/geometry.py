"""How the arrays of a store are cut into chunks and shards."""

from dataclasses import dataclass
from typing import Final

CELLS_PER_CHUNK: Final = 64
"""Cells that one chunk of values holds on average: what loaders read at a time (annbatch)."""

SHARD_NNZ: Final = 16 * 1024 * 1024
"""Values a shard holds at most, 64 MB of float32: few files, and work for several cores."""

CHUNK_UNIT: Final = 1024
"""Chunks are multiples of it, so that stores of like cells have like chunks."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ShardGrid:
    """Regular cut of an array of one dimension."""

    size: int
    """Elements in all."""
    chunk: int
    """Elements a chunk: the least that is read."""
    shard: int
    """Elements a shard, a multiple of `chunk`: one file, written by one task."""

    def ranges(self) -> list[tuple[int, int]]:
        """Return the elements of every shard, first and one past the last."""
        return [(low, min(low + self.shard, self.size)) for low in range(0, self.size, self.shard)]


def cut_values(*, nnz: int, n_obs: int, shard_nnz: int = SHARD_NNZ) -> ShardGrid:
    """Cut the stored values of a CSR matrix.

    Parameters
    ----------
    nnz
        Stored values.
    n_obs
        Cells they belong to.
    shard_nnz
        Values a shard may hold; rounded down to whole chunks, at least one.
    """
    per_chunk = CELLS_PER_CHUNK * nnz / max(n_obs, 1)
    chunk = CHUNK_UNIT * max(1, round(per_chunk / CHUNK_UNIT))
    chunk = min(chunk, max(shard_nnz, 1))
    chunks = min(max(1, shard_nnz // chunk), max(1, -(-nnz // chunk)))
    return ShardGrid(size=nnz, chunk=chunk, shard=chunk * chunks)
