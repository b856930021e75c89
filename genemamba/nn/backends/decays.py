"""Decays of the merged scan in both directions of reading, over blocks that both share.

Within a block, a token's input is scaled by the decay from it to the middle of the block, and a
token's sum by the decay from the middle to it. A state passes a block in two halves: a product of
both would leave the range of float32 where either does not.

Shape suffixes: B cells, L tokens, C blocks, Q tokens per block, H heads.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from genemamba.nn.decay import DECAY_LIMIT, at_least_float32, split_blocks


class Decays(NamedTuple):
    """Decays of one direction of reading."""

    into: Tensor
    """``dt`` times the decay from a token to the middle of its block, ``(batch, seqlen, nheads)``."""
    out: Tensor
    """Decay from the middle of a block to a token, ``(batch, seqlen, nheads)``."""
    half: Tensor
    """Decay over half of a block, ``(batch, n_blocks, nheads)``."""


def read_decays(dt_BLH: Tensor, A_H: Tensor, *, chunk_size: int) -> tuple[Decays, Decays] | None:
    """Return the decays of forward and backward reading.

    Parameters
    ----------
    dt_BLH
        Step sizes after the softplus, zero at padding, shape ``(batch, seqlen, nheads)``.
    A_H
        Negative decay rates, shape ``(nheads,)``.
    chunk_size
        Tokens per block.

    Returns
    -------
    Both directions, in float32 or wider; None where a block decays by more than
    `genemamba.nn.decay.DECAY_LIMIT` or holds a NaN, so that the factors would overflow.
    """
    seqlen = dt_BLH.shape[1]
    dt_BCQH = split_blocks(at_least_float32(dt_BLH), chunk_size)
    step_BCQH = dt_BCQH * at_least_float32(A_H)
    total_BC1H = step_BCQH.sum(dim=2, keepdim=True)
    if not bool((total_BC1H >= -DECAY_LIMIT).all()):
        return None
    # From the middle of the block to each token: negative behind it in reading order.
    since_BCQH = step_BCQH.cumsum(dim=2) - total_BC1H / 2
    half_BCH = torch.exp(total_BC1H.squeeze(2) / 2)

    def one_way(since_BCQH: Tensor) -> Decays:
        into_BCQH = dt_BCQH * torch.exp(-since_BCQH)
        return Decays(
            into=into_BCQH.flatten(1, 2)[:, :seqlen],
            out=torch.exp(since_BCQH).flatten(1, 2)[:, :seqlen],
            half=half_BCH,
        )

    return one_way(since_BCQH), one_way(step_BCQH - since_BCQH)
