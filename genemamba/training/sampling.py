"""Which cells a step sees, as a function of the seed and the step alone.

So a resumed training goes on as if it had never stopped.
"""

from enum import IntEnum
from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

POOL_MINIBATCHES: Final = 16
"""Minibatches whose cells are sorted by length together: long enough that little is padding,
short enough that a cell meets others every epoch."""

MAX_HELDOUT: Final = 256
"""Cells held out at most; enough for a loss to two decimals, and quick to score."""


class Stream(IntEnum):
    """Independent uses of one seed."""

    SPLIT = 0
    EPOCH = 1
    MASK = 2
    HELDOUT_MASK = 3
    WEIGHTS = 4


class Split(NamedTuple):
    """Cells to train on and cells to score, as sorted positions; cells without genes in neither."""

    train: NDArray[np.int64]
    """At least one."""
    heldout: NDArray[np.int64]
    """Perhaps none."""


def split_cells(lengths: NDArray[np.int64], *, fraction: float, seed: int) -> Split:
    """Choose the cells that are held out.

    Parameters
    ----------
    lengths
        Tokens of each cell, shape ``(n_obs,)``.
    fraction
        Of the cells with tokens, rounded down, `MAX_HELDOUT` at most.
    seed
        Of the choice.
    """
    rows = np.flatnonzero(lengths)
    n_heldout = min(int(fraction * len(rows)), MAX_HELDOUT)
    shuffled = _rng(seed, Stream.SPLIT).permutation(rows)
    return Split(train=np.sort(shuffled[n_heldout:]), heldout=np.sort(shuffled[:n_heldout]))


def epoch_minibatches(
    lengths: NDArray[np.int64],
    rows: NDArray[np.int64],
    *,
    minibatch_size: int,
    seed: int,
    epoch: int,
) -> list[NDArray[np.int64]]:
    """Deal the cells of one epoch into minibatches of similar length.

    Parameters
    ----------
    lengths
        Tokens of each cell, shape ``(n_obs,)``.
    rows
        Cells to deal.
    minibatch_size
        Cells of a minibatch; the last may have fewer.
    seed, epoch
        Of the order.

    Returns
    -------
    Positions of the cells of each minibatch; every cell is in one.
    """
    rng = _rng(seed, Stream.EPOCH, epoch)
    shuffled = rng.permutation(rows)
    pools = np.arange(len(rows)) // (minibatch_size * POOL_MINIBATCHES)
    dealt = shuffled[np.lexsort((lengths[shuffled], pools))]
    bounds = range(minibatch_size, len(rows), minibatch_size)
    minibatches = np.split(dealt, bounds)
    return [minibatches[position] for position in rng.permutation(len(minibatches))]


def torch_generator(seed: int, stream: Stream, index: int = 0, *, rank: int = 0) -> torch.Generator:
    """Return a generator on the CPU for one use of a seed.

    Parameters
    ----------
    seed
        Of the training.
    stream
        The use.
    index
        Such as the step.
    rank
        Of the process, which draws for its own cells.
    """
    return torch.Generator().manual_seed(int_seed(seed, stream, index, rank=rank))


def int_seed(seed: int, stream: Stream, index: int = 0, *, rank: int = 0) -> int:
    """Return 63 bits for one use of a seed.

    Parameters
    ----------
    seed, stream, index, rank
        As for `torch_generator`.
    """
    entropy = [seed, stream, index, *([rank] if rank else [])]
    (word,) = np.random.SeedSequence(entropy).generate_state(1, np.uint64)
    return int(word >> np.uint64(1))


def _rng(seed: int, stream: Stream, index: int = 0) -> np.random.Generator:
    return np.random.default_rng([seed, stream, index])
