"""Which cells a shuffled epoch serves, and in which order: arithmetic on positions, no reading.

The rows of all stores are cut into blocks of neighbours, which are read whole. An epoch deals the
blocks like cards: the list of all blocks is cut into as many strata as blocks are fetched at a
time, and every fetch takes one block of each stratum, at random. So the cells of a fetch come from
everywhere, however the stores are sorted; they are shuffled among each other, and cut into
minibatches. Everything follows from seed, epoch and rank.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray


class BlockRead(NamedTuple):
    """Consecutive rows of one store, some of which may not be served."""

    source: int
    """Position of the store."""
    start: int
    """First row."""
    stop: int
    """One past the last row."""


class Stream(IntEnum):
    """Independent uses of one seed."""

    STRATA = 0
    CELLS = 1


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Blocks:
    """Blocks of all stores; cells are numbered by their position among those that are served."""

    reads: NDArray[np.int64]
    """Source, first row and one past the last, shape ``(n_blocks, 3)``."""
    bounds: NDArray[np.int64]
    """Position of each block's first cell, and the end, shape ``(n_blocks + 1,)``."""

    @classmethod
    def cut(
        cls,
        sizes: Sequence[int],
        kept: Sequence[NDArray[np.int64] | None],
        *,
        block_size: int,
    ) -> Self:
        """Cut the rows of stores into blocks; one without a served row is none.

        Parameters
        ----------
        sizes
            Rows of each store.
        kept
            Ascending rows of each store that are served; None for all.
        block_size
            Rows of a block; the last of a store may have fewer.
        """
        reads, lengths = [], []
        for source, (size, rows) in enumerate(zip(sizes, kept, strict=True)):
            starts = np.arange(0, size, block_size, dtype=np.int64)
            stops = np.minimum(starts + block_size, size)
            served = stops - starts
            if rows is not None:
                served = np.bincount(rows // block_size, minlength=len(starts))
            full = served > 0
            column = np.full(int(full.sum()), source)
            reads.append(np.column_stack([column, starts[full], stops[full]]))
            lengths.append(served[full])
        bounds = np.concatenate([np.zeros(1, np.int64), *lengths]).cumsum()
        return cls(reads=np.concatenate([np.empty((0, 3), np.int64), *reads]), bounds=bounds)

    @property
    def n_obs(self) -> int:
        """Cells that are served, in all."""
        return int(self.bounds[-1])

    def read(self, block: int) -> BlockRead:
        """Return what to read of a block."""
        source, start, stop = self.reads[block].tolist()
        return BlockRead(source, start, stop)


class Fetch(NamedTuple):
    """Blocks that are read together, and the order in which their cells are served."""

    blocks: NDArray[np.int64]
    """Which blocks, ascending, so that neighbours are read in one go."""
    cells: NDArray[np.int64]
    """Positions of cells, in the order of serving; all of them lie in the blocks."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class EpochPlan:
    """What one rank serves in one epoch."""

    blocks: Blocks
    """Of all stores."""
    order: NDArray[np.int64]
    """Blocks of this rank, in order; the first and last may be shared with other ranks."""
    first: int
    """Cells of the first block that another rank serves."""
    ends: NDArray[np.int64]
    """Cells that have been served after each fetch, shape ``(n_fetches,)``."""
    blocks_per_fetch: int
    """Blocks that are read together."""
    seed: tuple[int, ...]
    """Of the order of cells."""

    @classmethod
    def deal(
        cls,
        blocks: Blocks,
        *,
        blocks_per_fetch: int,
        seed: int,
        epoch: int,
        rank: int,
        world_size: int,
    ) -> Self:
        """Deal an epoch; the ranks' cells are disjoint, all there, and differ by one in number.

        Parameters
        ----------
        blocks
            Of all stores.
        blocks_per_fetch
            Blocks that are read together.
        seed, epoch
            Of the order.
        rank, world_size
            Which of how many ranks.
        """
        order = _deal_blocks(
            len(blocks.reads), blocks_per_fetch, np.random.default_rng([seed, Stream.STRATA, epoch])
        )
        ends = np.diff(blocks.bounds)[order].cumsum()
        low, high = (blocks.n_obs * part // world_size for part in (rank, rank + 1))
        first = int(np.searchsorted(ends, low, side="right"))
        last = int(np.searchsorted(ends, high, side="left"))
        fetched = ends[first : last + 1][blocks_per_fetch - 1 :: blocks_per_fetch] - low
        return cls(
            blocks=blocks,
            order=order[first : last + 1],
            first=low - int(ends[first - 1] if first else 0),
            ends=np.append(fetched[fetched < high - low], high - low),
            blocks_per_fetch=blocks_per_fetch,
            seed=(seed, Stream.CELLS, epoch, rank),
        )

    @property
    def n_obs(self) -> int:
        """Cells that this rank serves."""
        return int(self.ends[-1])

    def fetch(self, index: int) -> Fetch:
        """Return one fetch, which does not depend on those before it.

        Parameters
        ----------
        index
            Of the fetch, from 0.
        """
        start = index * self.blocks_per_fetch
        chosen = self.order[start : start + self.blocks_per_fetch]
        bounds = self.blocks.bounds
        cells = np.concatenate([np.arange(bounds[b], bounds[b + 1]) for b in chosen])
        served = int(self.ends[index - 1]) if index else 0
        skipped = self.first if index == 0 else 0
        cells = cells[skipped : skipped + int(self.ends[index]) - served]
        shuffled = np.random.default_rng([*self.seed, index]).permutation(cells)
        return Fetch(blocks=np.sort(chosen), cells=shuffled)


def minibatch_bounds(n_obs: int, *, n_minibatches: int, batch_size: int) -> NDArray[np.int64]:
    """Cut cells into a given number of minibatches, all of them full but the last ones.

    Parameters
    ----------
    n_obs
        Cells, at least as many as minibatches, at most as many as these hold.
    n_minibatches
        Minibatches.
    batch_size
        Cells of a full one.

    Returns
    -------
    Where each begins, and the end, shape ``(n_minibatches + 1,)``; none is empty.
    """
    number = np.arange(n_minibatches + 1)
    # One cell is kept back for every minibatch that is to come.
    return np.minimum(number * batch_size, n_obs - (n_minibatches - number))


def _deal_blocks(n_blocks: int, n_strata: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Order blocks so that any `n_strata` in a row come from all over the list."""
    turned = (np.arange(n_blocks) + rng.integers(max(n_blocks, 1))) % max(n_blocks, 1)
    stratum = turned * n_strata // max(n_blocks, 1)
    by_stratum = np.lexsort((rng.random(n_blocks), stratum))
    starts = np.searchsorted(stratum[by_stratum], stratum[by_stratum])
    turn = np.empty(n_blocks, dtype=np.int64)
    turn[by_stratum] = np.arange(n_blocks) - starts
    dealt: NDArray[np.int64] = np.lexsort((rng.random(n_blocks), turn))
    return dealt
