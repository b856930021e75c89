"""Minibatches, splits and generators as functions of seed and step."""

import numpy as np
import torch

from genemamba.training.sampling import (
    MAX_HELDOUT,
    Stream,
    epoch_minibatches,
    int_seed,
    split_cells,
    torch_generator,
)

LENGTHS = np.random.default_rng(0).integers(1, 400, size=1000)


def deal(**changes) -> list[list[int]]:
    options = {"minibatch_size": 8, "seed": 0, "epoch": 0} | changes
    return [rows.tolist() for rows in epoch_minibatches(LENGTHS, np.arange(1000), **options)]


def test_an_epoch_deals_every_cell_once():
    dealt = deal()

    assert sorted(row for rows in dealt for row in rows) == list(range(1000))
    assert [len(rows) for rows in dealt] == [8] * 125


def test_the_same_epoch_is_dealt_alike_and_another_differently():
    assert deal() == deal()
    assert deal(epoch=1) != deal()
    assert deal(seed=1) != deal()


def test_little_of_a_minibatch_is_padding():
    padded = sum(len(rows) * LENGTHS[rows].max() for rows in deal())

    # Dealt without regard to length, 8 cells pad to 1.78 of their tokens (uniform: 16/9).
    assert padded / LENGTHS.sum() < 1.15


def test_fewer_cells_than_a_minibatch_make_one():
    (rows,) = epoch_minibatches(LENGTHS, np.array([3, 5]), minibatch_size=8, seed=0, epoch=0)

    assert sorted(rows.tolist()) == [3, 5]


def test_split_leaves_out_cells_without_genes():
    lengths = np.array([0, 4, 4, 0, 4, 4])

    split = split_cells(lengths, fraction=0.5, seed=0)

    assert sorted([*split.train, *split.heldout]) == [1, 2, 4, 5]
    assert len(split.heldout) == 2


def test_split_holds_out_a_bounded_number_of_cells():
    split = split_cells(np.ones(100_000, dtype=np.int64), fraction=0.1, seed=0)

    assert (len(split.heldout), len(split.train)) == (MAX_HELDOUT, 100_000 - MAX_HELDOUT)


def test_nothing_is_held_out_of_few_cells():
    assert split_cells(np.ones(10, dtype=np.int64), fraction=0.05, seed=0).heldout.size == 0


def test_streams_and_steps_draw_independently():
    seeds = {int_seed(seed, stream, i) for seed in (0, 1) for stream in Stream for i in range(50)}

    assert len(seeds) == 2 * len(Stream) * 50
    draws = [torch.rand(3, generator=torch_generator(0, Stream.MASK, 7)) for _ in range(2)]
    assert torch.equal(*draws)
