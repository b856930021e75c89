"""How a loader shuffles cells and shares them out."""

from dataclasses import dataclass
from typing import Final

from genemamba.errors import InputError

BLOCK_SIZE: Final = 64
"""Rows read together: about what a chunk of a store holds."""

BLOCKS_PER_FETCH: Final = 128
"""Blocks shuffled together, 8,192 cells: 130 MB of counts at 2,000 genes a cell. Of 30 sorted
labels, minibatches of 64 then have 99.8 % of the entropy that a true shuffle gives them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LoaderOptions:
    """How cells are shuffled and shared out.

    Raises
    ------
    InputError
        A number is too small, or there is no such rank.
    """

    batch_size: int
    """Cells of a minibatch; those at the end of an epoch may have fewer."""
    seed: int = 0
    """Of the order of all epochs."""
    block_size: int = BLOCK_SIZE
    """Consecutive rows that are read together. Fewer shuffle better, more read faster."""
    blocks_per_fetch: int = BLOCKS_PER_FETCH
    """Blocks whose cells are shuffled together. More shuffle better and take more memory."""
    rank: int = 0
    """Which of the `world_size` processes this is."""
    world_size: int = 1
    """Processes that share the cells of an epoch."""
    prefetch: int = 1
    """Fetches read ahead by a thread; 0 reads when asked."""

    def __post_init__(self) -> None:
        least = {"batch_size": 1, "block_size": 1, "blocks_per_fetch": 1, "world_size": 1}
        least |= {"prefetch": 0, "seed": 0, "rank": 0}
        for name, bound in least.items():
            if getattr(self, name) < bound:
                raise InputError(
                    expected=f"{name} of {bound} at least",
                    found=str(getattr(self, name)),
                    remedy=f"Raise {name}.",
                    rule="loader-options",
                )
        if self.rank >= self.world_size:
            raise InputError(
                expected=f"a rank below world_size={self.world_size}",
                found=str(self.rank),
                remedy="Number the ranks from 0.",
                rule="loader-options",
            )
