"""The steps around the scan's matrix products in the form that torch compiles to fused loops.

The same as `enter_tile` and `leave_tile` of `genemamba.nn.backends.tiles`, which work in place
because each operation of theirs passes through memory. Compiled, a step passes through it once.
Torch compiles C++, so that a compiler must be installed.

Shape suffixes: as in `genemamba.nn.backends.tiles`.
"""

import torch
from torch import Tensor
from torch.nn import functional

from genemamba.nn.backends.tiles import Entered, TileSteps


def compiled_steps() -> TileSteps:
    """Let torch compile the steps when each of them is first called with a shape.

    What cannot be compiled is an error, never run in another way.
    """
    enter = torch.compile(_enter, dynamic=False, fullgraph=True)
    leave = torch.compile(_leave, dynamic=False, fullgraph=True)
    return TileSteps(lambda *given, **named: Entered(*enter(*given, **named)), leave)


def _enter(
    window_BTX: Tensor,
    taps_KX: Tensor,
    bias_X: Tensor,
    into_BTH: Tensor,
    *,
    headdim: int,
    backward: bool,
) -> tuple[Tensor, Tensor]:
    n_taps, tokens = taps_KX.shape[0], into_BTH.shape[1]
    sum_BTX = bias_X
    for lag in range(n_taps):
        start = lag if backward else n_taps - 1 - lag
        sum_BTX = sum_BTX + window_BTX[:, start : start + tokens] * taps_KX[-1 - lag]
    mixed_BTX = functional.silu(sum_BTX)
    x_BTHP = torch.unflatten(mixed_BTX[..., : headdim * into_BTH.shape[2]], -1, (-1, headdim))
    return mixed_BTX, (x_BTHP * into_BTH.unsqueeze(-1)).flatten(-2)


def _leave(
    y_BTI: Tensor,
    xBC_BTX: Tensor,
    out_BTH: Tensor,
    D_H: Tensor,
    z_BTI: Tensor,
    norm_weight_I: Tensor,
    norm_eps: float,
) -> Tensor:
    nheads = out_BTH.shape[2]
    y_BTHP = torch.unflatten(y_BTI, -1, (nheads, -1)) * out_BTH.unsqueeze(-1)
    x_BTHP = torch.unflatten(xBC_BTX[..., : y_BTI.shape[-1]], -1, (nheads, -1))
    gated_BTI = (y_BTHP + x_BTHP * D_H.unsqueeze(-1)).flatten(-2) * functional.silu(z_BTI)
    mean_BT1 = gated_BTI.float().square().mean(-1, keepdim=True)
    return gated_BTI * torch.rsqrt(mean_BT1 + norm_eps).to(gated_BTI.dtype) * norm_weight_I
