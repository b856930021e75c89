"""Several processes share every minibatch, and no cell is read twice or not at all."""

import dataclasses

import numpy as np
import pytest

from genemamba.errors import InputError
from genemamba.tokens.token_set import TokenSet
from genemamba.training.config import TrainingConfig
from genemamba.training.course import Course

CONFIG = TrainingConfig(
    seqlen=40, minibatch_size=8, steps=10, lr=1e-3, warmup_steps=0, heldout_fraction=0.1
)


@pytest.fixture(scope="module")
def numbered():
    """100 cells of unequal length; the first token is the number of the cell."""
    rng = np.random.default_rng(0)
    return TokenSet.from_cells(
        [np.full(rng.integers(1, 40), cell + 2, dtype=np.int32) for cell in range(100)]
    )


def cells(minibatches):
    return [(minibatch.input_ids[:, 0] - 2).tolist() for minibatch in minibatches]


def epoch(tokens, *, rank, n_processes, first=1, config=CONFIG):
    """Return the cells of every minibatch of an epoch's steps."""
    course = Course(tokens, config, rank=rank, n_processes=n_processes)
    n_steps = -(-len(course.split.train) // config.minibatch_size)
    return [cells(course.minibatches(step))[0] for step in range(first, first + n_steps)]


@pytest.mark.parametrize("n_processes", [1, 2])
def test_ranks_share_the_cells_of_each_minibatch(numbered, n_processes):
    ranks = [epoch(numbered, rank=rank, n_processes=n_processes) for rank in range(n_processes)]

    for *parts, whole in zip(*ranks, epoch(numbered, rank=0, n_processes=1), strict=True):
        assert sorted(cell for part in parts for cell in part) == sorted(whole)
        assert max(map(len, parts)) - min(map(len, parts)) <= 1
    everything = [cell for rank in ranks for minibatch in rank for cell in minibatch]
    held_out = Course(numbered, CONFIG).split.heldout
    assert sorted([*everything, *held_out]) == list(range(100))


def test_cells_left_over_that_are_too_few_for_all_ranks_join_a_minibatch(numbered):
    some = numbered.take(np.arange(18))
    config = dataclasses.replace(CONFIG, heldout_fraction=0.0)  # 8, 8 and 2 cells
    ranks = [Course(some, config, rank=rank, n_processes=3) for rank in range(3)]

    parts = [[cells(rank.minibatches(step))[0] for rank in ranks] for step in (1, 2)]

    sizes = [sum(map(len, shares)) for shares in parts]
    assert sorted(sizes) == [8, 10]
    assert sorted(cell for step in parts for rank in step for cell in rank) == list(range(18))


def test_accumulated_minibatches_are_those_of_as_many_steps(numbered):
    three = dataclasses.replace(CONFIG, accumulation_steps=3)

    together = [cells(Course(numbered, three).minibatches(step)) for step in (1, 2)]

    single = epoch(numbered, rank=0, n_processes=1)
    assert together == [single[:3], single[3:6]]


def test_ranks_draw_their_hidden_genes_independently(numbered):
    states = {
        Course(numbered, CONFIG, rank=rank, n_processes=2).generators(step)[0].initial_seed()
        for rank in (0, 1)
        for step in (1, 2)
    }

    assert len(states) == 4


def test_more_processes_than_cells_are_refused(numbered):
    with pytest.raises(InputError, match=r"a cell for each of 9 processes .* Start fewer"):
        Course(numbered, CONFIG, rank=0, n_processes=9)


def test_ranks_share_the_held_out_cells(numbered):
    config = dataclasses.replace(CONFIG, heldout_fraction=0.4)
    shares = [
        [cell for minibatch, _ in Course(numbered, config, rank=rank, n_processes=2).heldout()
         for cell in cells([minibatch])[0]]
        for rank in (0, 1)
    ]  # fmt: skip

    assert sorted(shares[0] + shares[1]) == Course(numbered, config).split.heldout.tolist()
