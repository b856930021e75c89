"""Reading the blocks of a fetch from their stores, and putting its cells in order."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from genemamba.tokens.block_plan import BlockRead, Blocks, Fetch
from genemamba.tokens.cell_rows import join_cells, take_cells
from genemamba.tokens.cell_sources import CellSource

Cells = TypeVar("Cells")


class FetchedCells(NamedTuple, Generic[Cells]):
    """Cells in the order of serving."""

    cells: Cells
    """Counts in CSR, or a `TokenSet`; one row a cell."""
    positions: NDArray[np.int64]
    """Number of each cell among all that are served, shape ``(n_fetched,)``."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class BlockReader(Generic[Cells]):
    """Stores, and the blocks that they were cut into."""

    sources: Sequence[CellSource[Cells]]
    """The stores."""
    blocks: Blocks
    """Of all of them."""

    def read(self, fetch: Fetch, *, skip: int = 0) -> FetchedCells[Cells]:
        """Read the blocks of a fetch and put its cells in the order of serving.

        Parameters
        ----------
        fetch
            What to read.
        skip
            Cells at its beginning that have been served before.
        """
        positions = fetch.cells[skip:]
        runs = _join_neighbours([self.blocks.read(int(block)) for block in fetch.blocks])
        by_source: dict[int, list[tuple[int, int]]] = {}
        for source, start, stop in runs:
            by_source.setdefault(source, []).append((start, stop))
        parts = [self.sources[source].read(ranges) for source, ranges in by_source.items()]
        rows = self._rows_read(fetch, positions)
        return FetchedCells(take_cells(join_cells(parts), rows), positions)

    def _rows_read(self, fetch: Fetch, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return where each cell lies among the rows that were read for its fetch."""
        reads = self.blocks.reads[fetch.blocks]
        offsets = np.concatenate([np.zeros(1, np.int64), reads[:, 2] - reads[:, 1]]).cumsum()
        block = np.searchsorted(self.blocks.bounds[fetch.blocks], positions, side="right") - 1
        served = [_n_served(source) for source in self.sources]
        first = np.concatenate([np.zeros(1, np.int64), served]).cumsum()
        rows = positions - first[reads[block, 0]]
        for source in np.unique(reads[:, 0]).tolist():
            kept = self.sources[source].rows
            if kept is not None:
                here = reads[block, 0] == source
                rows[here] = kept[rows[here]]
        found: NDArray[np.int64] = rows - reads[block, 1] + offsets[block]
        return found


def _join_neighbours(reads: Sequence[BlockRead]) -> list[BlockRead]:
    """Join blocks that follow one another in a store; blocks are in order."""
    joined: list[BlockRead] = []
    for read in reads:
        if joined and joined[-1].source == read.source and joined[-1].stop == read.start:
            joined[-1] = joined[-1]._replace(stop=read.stop)
        else:
            joined.append(read)
    return joined


def _n_served(source: CellSource[Any]) -> int:
    return source.n_rows if source.rows is None else len(source.rows)
