"""How much a state decays over a block of tokens, and when that is too much for the merged scan.

Shape suffixes: B cells, L tokens, C blocks, Q tokens per block, H heads.
"""

from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

DECAY_LIMIT: Final = 150.0
"""Largest ``|sum dt A|`` over a block for the merged form. It forms exp of half of it in both
directions, and exp(75) leaves six decimal orders below the largest float32 for the data."""


def steep_heads(dt_BLH: Tensor, A_H: Tensor, *, chunk_size: int) -> Tensor:
    """Say which heads decay over some block by more than `DECAY_LIMIT`.

    Parameters
    ----------
    dt_BLH
        Step sizes after the softplus, shape ``(batch, seqlen, nheads)``.
    A_H
        Negative decay rates, shape ``(nheads,)``.
    chunk_size
        Tokens per block.

    Returns
    -------
    Booleans, shape ``(nheads,)``; a head with a NaN counts as steep.
    """
    decay_BCQH = split_blocks(at_least_float32(dt_BLH) * at_least_float32(A_H), chunk_size)
    # Written so that NaN counts as steep and reaches the caller by the plain way.
    return ~(decay_BCQH.sum(dim=2) >= -DECAY_LIMIT).flatten(0, 1).all(dim=0)


def split_blocks(t_BL_: Tensor, chunk_size: int) -> Tensor:
    """Cut tokens into blocks, the last one filled up with zeros.

    Parameters
    ----------
    t_BL_
        Shape ``(batch, seqlen, ...)``.
    chunk_size
        Tokens per block.

    Returns
    -------
    Shape ``(batch, n_blocks, chunk_size, ...)``.
    """
    if missing := -t_BL_.shape[1] % chunk_size:
        t_BL_ = functional.pad(t_BL_, (0, 0) * (t_BL_.dim() - 2) + (0, missing))
    return torch.unflatten(t_BL_, 1, (-1, chunk_size))


def at_least_float32(t: Tensor) -> Tensor:
    """Widen steps and decays: they multiply over thousands of tokens, and bfloat16 rounds to 1.

    Parameters
    ----------
    t
        Of any shape.
    """
    return t.to(torch.promote_types(t.dtype, torch.float32))
