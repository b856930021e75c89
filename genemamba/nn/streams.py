"""Two readings of a cell that never meet: one from its first gene on, one from its last gene back.

Shape suffixes: B cells, L tokens, D model width.
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from genemamba.nn.mixer import Directions


def read_streams(
    layers: Iterable[Callable[[Tensor], Tensor]], h_BLD: Tensor, mask_BL: Tensor
) -> Directions:
    """Run every layer over both reading directions, each kept to itself.

    Both go through the same layers, so that a state of the forward reading depends on its gene and
    those before it alone, and one of the backward reading on its gene and those after it.

    Parameters
    ----------
    layers
        Causal: what one makes of a token depends on that token and those before it alone.
    h_BLD
        Embedded tokens, shape ``(batch, seqlen, d_model)``.
    mask_BL
        True where a token is a gene, shape ``(batch, seqlen)``; genes come first.

    Returns
    -------
    Token states of each direction in the order of the input, same shape as `h_BLD`. Those of
    genes do not depend on the padding.
    """
    reverse_BL = _reversed_positions(mask_BL)
    both_BLD = torch.cat([h_BLD, _take(h_BLD, reverse_BL)])
    for layer in layers:
        both_BLD = layer(both_BLD)
    forward_BLD, reversed_BLD = both_BLD.chunk(2)
    return Directions(forward=forward_BLD, backward=_take(reversed_BLD, reverse_BL))


def _reversed_positions(mask_BL: Tensor) -> Tensor:
    """Return where each token of the cells read backwards comes from; padding stays at the end."""
    position_L = torch.arange(mask_BL.shape[1], device=mask_BL.device)
    return torch.where(mask_BL, mask_BL.sum(dim=1, keepdim=True) - 1 - position_L, position_L)


def _take(h_BLD: Tensor, position_BL: Tensor) -> Tensor:
    return h_BLD.gather(1, position_BL.unsqueeze(-1).expand_as(h_BLD))
