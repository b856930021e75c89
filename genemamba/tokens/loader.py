"""A shuffled loader over many stores, which reads in blocks and can go on where it stopped."""

import hashlib
from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from genemamba.errors import InputError
from genemamba.provenance import digest_json
from genemamba.tokens.block_plan import Blocks, EpochPlan, minibatch_bounds
from genemamba.tokens.cell_rows import join_cells, slice_cells
from genemamba.tokens.cell_sources import CellSource
from genemamba.tokens.fetching import BlockReader, FetchedCells
from genemamba.tokens.loader_options import LoaderOptions

Cells = TypeVar("Cells")


class LoadedCells(NamedTuple, Generic[Cells]):
    """One minibatch."""

    cells: Cells
    """Counts in CSR, or a `TokenSet`; one row a cell."""
    positions: NDArray[np.int64]
    """Number of each cell among all that the sources serve, source after source, shape
    ``(batch,)``."""
    labels: NDArray[Any] | None
    """Label of each cell, shape ``(batch,)``; None without labels."""


class CellLoader(Generic[Cells]):
    """Serve every cell of some stores once an epoch, shuffled, in minibatches.

    Iterating serves what is left of the epoch; iterating again serves the next one. All ranks
    serve the same number of minibatches; their cells are disjoint, together all there are, and
    differ in number by one at most. Memory holds ``2 + prefetch`` fetches, one more while it is put
    in order, and 8 bytes for each row of the stores, however many cells there are. Only one iterator may be in use at a time.

    Parameters
    ----------
    sources
        Stores, all of counts over the same genes or all of tokens.
    options
        How to shuffle and share out.
    labels
        Of all cells that the sources serve, source after source, shape ``(n_obs,)``.

    Raises
    ------
    InputError
        There are too few cells for every rank to have one in each minibatch, or not as many labels
        as cells.
    """

    def __init__(
        self,
        sources: Sequence[CellSource[Cells]],
        options: LoaderOptions,
        *,
        labels: NDArray[Any] | None = None,
    ) -> None:
        self._options = options
        self._labels = labels
        kept = [source.rows for source in sources]
        self._blocks = Blocks.cut(
            [source.n_rows for source in sources], kept, block_size=options.block_size
        )
        self._reader = BlockReader(sources=tuple(sources), blocks=self._blocks)
        self._n_minibatches = -(-self.n_obs // (options.batch_size * options.world_size))
        self._check()
        self._epoch = self._minibatch = 0

    def __len__(self) -> int:
        """Return the minibatches of an epoch, on every rank."""
        return self._n_minibatches

    @property
    def n_obs(self) -> int:
        """Cells of an epoch, over all ranks."""
        return self._blocks.n_obs

    @property
    def epoch(self) -> int:
        """Epoch that is being served, from 0."""
        return self._epoch

    def state_dict(self) -> dict[str, Any]:
        """Return the position behind the last minibatch served, the same on every rank."""
        return {"epoch": self._epoch, "minibatch": self._minibatch, "plan": self._digest()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a position, with exactly the minibatches that would have followed.

        Parameters
        ----------
        state
            From `state_dict`, of any rank.

        Raises
        ------
        InputError
            It is from a loader of other cells or options.
        """
        if state["plan"] != self._digest():
            raise InputError(
                expected="the position of a loader with the same cells and options",
                found=f"one of another, at epoch {state['epoch']}",
                remedy="Make the loader as it was, or begin anew.",
                rule="loader-state",
            )
        self._epoch, self._minibatch = int(state["epoch"]), int(state["minibatch"])

    def __iter__(self) -> Iterator[LoadedCells[Cells]]:
        """Serve the rest of the epoch."""
        plan = self._plan()
        bounds = minibatch_bounds(
            plan.n_obs, n_minibatches=len(self), batch_size=self._options.batch_size
        )
        sizes = np.diff(bounds)[self._minibatch :].tolist()
        runs = self._runs(plan, int(bounds[self._minibatch]))
        try:
            for minibatch in self._recut(runs, sizes):
                self._minibatch += 1
                yield minibatch
        finally:
            runs.close()
        self._epoch, self._minibatch = self._epoch + 1, 0

    def _plan(self) -> EpochPlan:
        return EpochPlan.deal(
            self._blocks,
            blocks_per_fetch=self._options.blocks_per_fetch,
            seed=self._options.seed,
            epoch=self._epoch,
            rank=self._options.rank,
            world_size=self._options.world_size,
        )

    def _recut(
        self, runs: Iterator[FetchedCells[Cells]], sizes: Sequence[int]
    ) -> Iterator[LoadedCells[Cells]]:
        """Cut the cells of all fetches, one after the other, into minibatches."""
        run, used = None, 0
        for size in sizes:
            parts: list[FetchedCells[Cells]] = []
            missing = size
            while missing:
                if run is None or used == len(run.positions):
                    run, used = next(runs), 0
                end = min(used + missing, len(run.positions))
                parts.append(
                    FetchedCells(slice_cells(run.cells, used, end), run.positions[used:end])
                )
                missing -= end - used
                used = end
            positions = np.concatenate([part.positions for part in parts])
            labels = None if self._labels is None else self._labels[positions]
            yield LoadedCells(join_cells([part.cells for part in parts]), positions, labels)

    def _runs(self, plan: EpochPlan, served: int) -> "Generator[FetchedCells[Cells]]":
        """Read the fetches that follow `served` cells, some of them ahead."""
        ends = plan.ends
        first = int(np.searchsorted(ends, served, side="right"))
        skipped = served - (int(ends[first - 1]) if first else 0)
        waiting: deque[Future[FetchedCells[Cells]]] = deque()
        with ThreadPoolExecutor(1) as thread:
            try:
                for index in range(first, len(ends)):
                    skip = skipped if index == first else 0
                    fetch = plan.fetch(index)
                    waiting.append(thread.submit(self._reader.read, fetch, skip=skip))
                    if len(waiting) > self._options.prefetch:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()

    def _digest(self) -> str:
        options = {
            name: value
            for name, value in asdict(self._options).items()
            if name not in ("rank", "prefetch")
        }
        rows = hashlib.sha256(self._blocks.reads.tobytes())
        for source in self._reader.sources:
            rows.update(b"all" if source.rows is None else source.rows.tobytes())
        return digest_json({"options": options, "rows": rows.hexdigest()})

    def _check(self) -> None:
        options = self._options
        if self.n_obs // options.world_size < max(len(self), 1):
            raise InputError(
                expected=f"a cell for each of {options.world_size} ranks in every minibatch",
                found=f"{self.n_obs} cells in minibatches of {options.batch_size}",
                remedy="Use fewer ranks, or larger minibatches.",
                rule="loader-too-few-cells",
                count=self.n_obs,
            )
        if self._labels is not None and len(self._labels) != self.n_obs:
            raise InputError(
                expected=f"a label for each of {self.n_obs} cells",
                found=f"{len(self._labels)} labels",
                remedy="Give the labels of the rows that the sources serve, source after source.",
                rule="loader-labels",
                count=len(self._labels),
            )
