"""The loader over cells in memory: what is served, to whom, and in which order."""

from collections import Counter
from dataclasses import replace
from itertools import chain

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genemamba.errors import InputError, StoreError
from genemamba.tokens.loader import CellLoader
from genemamba.tokens.loader_options import LoaderOptions
from genemamba.tokens.token_set import TokenSet


class NumberedCells:
    """A store whose cells are one to three tokens that say which cell it is."""

    def __init__(self, first, n_rows, *, rows=None):
        self.first, self.n_rows, self.rows = first, n_rows, rows

    def read(self, ranges):
        rows = np.concatenate([np.arange(start, stop) for start, stop in ranges])
        return TokenSet.from_cells([self.cell(row) for row in rows])

    def cell(self, row):
        return np.full(1 + row % 3, self.first + row, dtype=np.int32)

    def served(self):
        rows = range(self.n_rows) if self.rows is None else self.rows.tolist()
        return [self.first + row for row in rows]


def names(minibatch):
    """Read which cells a minibatch holds, from the cells themselves."""
    cells = [minibatch.cells.cell(row) for row in range(minibatch.cells.n_obs)]
    assert all(len(cell) == 1 + cell[0] % 1000 % 3 and (cell == cell[0]).all() for cell in cells)
    return [int(cell[0]) for cell in cells]


@st.composite
def stores(draw):
    """Up to four stores, some of whose rows are not served."""
    sources = []
    for number in range(draw(st.integers(1, 4))):
        n_rows = draw(st.integers(0, 60))
        rows = None
        if draw(st.booleans()):
            rows = np.flatnonzero(draw(st.lists(st.booleans(), min_size=n_rows, max_size=n_rows)))
        sources.append(NumberedCells(1000 * number, n_rows, rows=rows))
    return sources


OPTIONS = st.builds(
    LoaderOptions,
    batch_size=st.integers(2, 9),
    block_size=st.integers(1, 9),
    blocks_per_fetch=st.integers(1, 7),
    seed=st.integers(0, 3),
    prefetch=st.integers(0, 2),
    world_size=st.integers(1, 4),
)


@given(sources=stores(), options=OPTIONS)
@settings(max_examples=150, deadline=None)
def test_every_cell_is_served_once_over_all_ranks_in_every_epoch(sources, options):
    served = [cell for source in sources for cell in source.served()]
    if len(served) < options.world_size:
        with pytest.raises(InputError, match=r"Expected a cell for each"):
            CellLoader(sources, options)
        return
    ranks = [replace(options, rank=rank) for rank in range(options.world_size)]
    loaders = [CellLoader(sources, rank) for rank in ranks]
    for _ in range(2):
        epochs = [[names(minibatch) for minibatch in loader] for loader in loaders]

        cells = [[cell for minibatch in epoch for cell in minibatch] for epoch in epochs]
        assert sorted(chain.from_iterable(cells)) == served
        assert {len(epoch) for epoch in epochs} == {len(loaders[0])}
        assert max(map(len, cells)) - min(map(len, cells)) <= 1
        sizes = [[len(minibatch) for minibatch in epoch] for epoch in epochs]
        assert all(set(size[:-2]) <= {options.batch_size} for size in sizes)
        assert all(0 < n <= options.batch_size for size in sizes for n in size)


@given(sources=stores(), options=OPTIONS, data=st.data())
@settings(max_examples=100, deadline=None)
def test_a_resumed_loader_goes_on_with_the_same_minibatches(sources, options, data):
    if sum(len(source.served()) for source in sources) < options.world_size:
        return
    options = replace(options, rank=data.draw(st.integers(0, options.world_size - 1)))
    whole = CellLoader(sources, options)
    expected = [names(minibatch) for _ in range(3) for minibatch in whole]
    stop = data.draw(st.integers(0, len(expected)))

    stopped = CellLoader(sources, options)
    before = []
    while len(before) < stop:
        for minibatch in stopped:
            before.append(names(minibatch))
            if len(before) == stop:
                break
    resumed = CellLoader(sources, replace(options, prefetch=2 - options.prefetch))
    resumed.load_state_dict(stopped.state_dict())
    after = []
    while len(after) < len(expected) - stop:
        after += [names(minibatch) for minibatch in resumed]

    assert before + after == expected


def test_iterating_again_goes_on_where_a_loop_was_left():
    options = LoaderOptions(batch_size=4, seed=1, blocks_per_fetch=2, block_size=3)
    expected = [names(minibatch) for minibatch in CellLoader([NumberedCells(0, 30)], options)]
    loader = CellLoader([NumberedCells(0, 30)], options)

    for minibatch in loader:
        first = names(minibatch)
        break

    assert [first, *(names(minibatch) for minibatch in loader)] == expected
    assert (loader.epoch, loader.state_dict()["minibatch"]) == (1, 0)


def test_order_follows_from_seed_and_epoch():
    def epochs(seed):
        loader = CellLoader([NumberedCells(0, 300)], LoaderOptions(batch_size=300, seed=seed))
        return [names(minibatch) for _ in range(2) for minibatch in loader]

    first, second = epochs(0)

    assert epochs(0) == [first, second]
    assert len({tuple(order) for order in (first, second, *epochs(1), range(300))}) == 5


def test_positions_and_labels_belong_to_the_cells():
    rows = np.array([3, 4, 50])
    sources = [NumberedCells(0, 5), NumberedCells(1000, 60, rows=rows)]
    served = np.array([0, 1, 2, 3, 4, 1003, 1004, 1050])
    labels = np.array([f"label of {name}" for name in served], dtype=object)
    options = LoaderOptions(batch_size=3, block_size=2, blocks_per_fetch=2)

    minibatches = list(CellLoader(sources, options, labels=labels))

    for minibatch in minibatches:
        assert served[minibatch.positions].tolist() == names(minibatch)
        assert minibatch.labels.tolist() == [f"label of {name}" for name in names(minibatch)]
    assert [minibatch.labels for minibatch in CellLoader(sources, options)] == [None] * 3


def entropy(labels):
    shares = np.array(list(Counter(labels).values())) / len(labels)
    return -(shares * np.log(shares)).sum()


def test_minibatches_of_sorted_cells_are_as_mixed_as_a_true_shuffle():
    rng = np.random.default_rng(0)
    labels = np.sort(rng.choice(20, size=60_000, p=rng.dirichlet(np.ones(20))))
    loader = CellLoader(
        [NumberedCells(0, 30_000), NumberedCells(0, 30_000)],
        LoaderOptions(batch_size=64),
        labels=labels,
    )

    ours = np.mean([entropy(minibatch.labels.tolist()) for minibatch in loader])

    shuffled = np.split(rng.permutation(labels)[: 64 * 937], 937)
    assert ours > 0.98 * np.mean([entropy(minibatch.tolist()) for minibatch in shuffled])
    in_order = np.split(labels[: 64 * 937], 937)
    assert np.mean([entropy(minibatch.tolist()) for minibatch in in_order]) < 0.1 * ours


def test_neighbours_are_spread_over_the_minibatches():
    loader = CellLoader([NumberedCells(0, 8192)], LoaderOptions(batch_size=64, block_size=32))

    pairs = [np.diff(np.sort(minibatch.positions)) == 1 for minibatch in loader]

    # Of 4,096 cells that are shuffled together, all but one in 32 are followed by their neighbour,
    # which is one of the other 63 in the minibatch.
    expected = 64 * 31 / 32 * 63 / 4095
    assert np.mean([pair.sum() for pair in pairs]) == pytest.approx(expected, rel=0.25)


class BrokenCells(NumberedCells):
    """A store that cannot be read."""

    def read(self, ranges):
        msg = "Expected a whole store, found none."
        raise StoreError(msg)


@pytest.mark.parametrize("prefetch", [0, 2])
def test_an_error_while_reading_reaches_the_loop(prefetch):
    loader = CellLoader([BrokenCells(0, 30)], LoaderOptions(batch_size=4, prefetch=prefetch))

    with pytest.raises(StoreError, match=r"Expected a whole store"):
        list(loader)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch_size": 0}, r"batch_size of 1 at least, found 0"),
        ({"block_size": 0}, r"block_size of 1 at least, found 0"),
        ({"blocks_per_fetch": 0}, r"blocks_per_fetch of 1 at least"),
        ({"prefetch": -1}, r"prefetch of 0 at least, found -1"),
        ({"seed": -1}, r"seed of 0 at least, found -1"),
        ({"rank": 2, "world_size": 2}, r"a rank below world_size=2, found 2"),
    ],
    ids=["batch", "block", "fetch", "prefetch", "seed", "rank"],
)
def test_impossible_options_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        LoaderOptions(**{"batch_size": 4} | change)


@pytest.mark.parametrize(
    ("n_rows", "batch_size", "world_size"),
    [(0, 4, 1), (3, 4, 4), (5, 1, 2)],
    ids=["no-cells", "fewer-cells-than-ranks", "an-odd-cell"],
)
def test_too_few_cells_for_all_ranks_are_refused(n_rows, batch_size, world_size):
    options = LoaderOptions(batch_size=batch_size, world_size=world_size)

    with pytest.raises(InputError, match=rf"found {n_rows} cells in minibatches of {batch_size}"):
        CellLoader([NumberedCells(0, n_rows)], options)


def test_labels_of_other_cells_are_refused():
    with pytest.raises(InputError, match=r"a label for each of 5 cells, found 4"):
        CellLoader(
            [NumberedCells(0, 5)], LoaderOptions(batch_size=2), labels=np.zeros(4, dtype=int)
        )


@pytest.mark.parametrize(
    ("source", "options"),
    [
        (NumberedCells(0, 40, rows=np.arange(1, 21)), LoaderOptions(batch_size=4)),
        (NumberedCells(0, 40, rows=np.arange(20)), LoaderOptions(batch_size=4, seed=1)),
        (NumberedCells(0, 40, rows=np.arange(20)), LoaderOptions(batch_size=5)),
        (NumberedCells(0, 40), LoaderOptions(batch_size=4)),
    ],
    ids=["other-rows", "other-seed", "other-size", "all-rows"],
)
def test_the_position_of_another_loader_is_refused(source, options):
    state = CellLoader(
        [NumberedCells(0, 40, rows=np.arange(20))], LoaderOptions(batch_size=4)
    ).state_dict()

    with pytest.raises(InputError, match=r"Expected the position of a loader with the same cells"):
        CellLoader([source], options).load_state_dict(state)


def test_a_position_holds_for_every_rank():
    ranks = [LoaderOptions(batch_size=4, rank=rank, world_size=2) for rank in (0, 1)]
    state = CellLoader([NumberedCells(0, 40)], ranks[0]).state_dict()

    CellLoader([NumberedCells(0, 40)], ranks[1]).load_state_dict(state | {"minibatch": 3})
