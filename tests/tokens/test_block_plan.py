"""Blocks, strata and minibatches, as arithmetic."""

import numpy as np
import pytest

from genemamba.tokens.block_plan import Blocks, EpochPlan, minibatch_bounds


def test_blocks_are_rows_of_one_store_and_hold_only_served_cells():
    kept = [None, np.array([0, 5, 6]), np.array([], dtype=np.int64)]

    blocks = Blocks.cut([7, 8, 4], kept, block_size=3)

    assert blocks.reads.tolist() == [
        [0, 0, 3],
        [0, 3, 6],
        [0, 6, 7],
        [1, 0, 3],
        [1, 3, 6],
        [1, 6, 8],
    ]
    assert blocks.bounds.tolist() == [0, 3, 6, 7, 8, 9, 10]


def test_every_fetch_takes_one_block_of_each_part_of_the_list():
    blocks = Blocks.cut([1000], [None], block_size=10)

    plan = EpochPlan.deal(blocks, blocks_per_fetch=5, seed=0, epoch=0, rank=0, world_size=1)

    # A hundred blocks in five strata of twenty, which begin anywhere on the ring.
    for fetch in np.split(plan.order, 20):
        gaps = np.diff(np.sort(fetch), append=np.sort(fetch)[0] + 100)
        assert gaps.max() < 40


def test_neighbouring_blocks_do_not_stay_together():
    blocks = Blocks.cut([100_000], [None], block_size=10)
    plans = [
        EpochPlan.deal(blocks, blocks_per_fetch=5, seed=0, epoch=e, rank=0, world_size=1)
        for e in (0, 1)
    ]

    positions = np.argsort(plans[0].order)
    followed = np.abs(np.diff(positions)) == 1

    assert followed.mean() < 0.01
    assert (plans[0].order == plans[1].order).mean() < 0.01


@pytest.mark.parametrize(
    ("n_obs", "n_minibatches", "expected"),
    [
        (10, 3, [0, 4, 8, 10]),
        (12, 3, [0, 4, 8, 12]),
        (8, 3, [0, 4, 7, 8]),
        (3, 3, [0, 1, 2, 3]),
        (4, 1, [0, 4]),
    ],
    ids=["last-short", "all-full", "one-borrowed", "one-each", "one"],
)
def test_no_minibatch_is_empty(n_obs, n_minibatches, expected):
    bounds = minibatch_bounds(n_obs, n_minibatches=n_minibatches, batch_size=4)

    assert bounds.tolist() == expected
