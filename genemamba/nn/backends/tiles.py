"""Reading a cell in both directions tile by tile, so that what lies between stays in the cache.

The same scan as `genemamba.nn.scan.scan_merged`, for inference alone: nothing is kept for a
gradient, the backward reading goes through the tokens in place instead of flipping them, and each
tile passes convolution, scan, gate and norm before the next one is touched.

Shape suffixes: B cells, L tokens, T tokens of a tile, C blocks, Q tokens per block, I = H * P inner
channels, H heads, P channels per head, N state, K taps, X = I + 2N channels of ``x``, ``B``, ``C``.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Final, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from genemamba.nn.backends.decays import Decays, read_decays
from genemamba.nn.mixer import Directions, Mixer, Projected

TILE_TOKENS: Final = 256
"""Tokens of one tile, over all cells: 256 rows of 1,024 channels are 1 MiB, half of an L2 cache."""


class Entered(NamedTuple):
    """A tile in front of the scan."""

    mixed: Tensor
    """After convolution and activation, shape ``(batch, tile, d_inner + 2 * d_state)``."""
    scaled: Tensor
    """``x`` times the decays into its block, shape ``(batch, tile, d_inner)``."""


def enter_tile(
    window_BTX: Tensor,
    taps_KX: Tensor,
    bias_X: Tensor,
    into_BTH: Tensor,
    *,
    headdim: int,
    backward: bool,
) -> Entered:
    """Convolve a tile, and scale what the scan will sum.

    Parameters
    ----------
    window_BTX
        The tile with the K - 1 tokens before it, or after it where it is read backward, shape
        ``(batch, tile + taps - 1, d_inner + 2 * d_state)``.
    taps_KX, bias_X
        Of the convolution.
    into_BTH
        Decays into the blocks, shape ``(batch, tile, nheads)``.
    headdim
        Channels that share a decay.
    backward
        The direction of reading.
    """
    n_taps, tokens = taps_KX.shape[0], into_BTH.shape[1]

    def lagged(lag: int) -> Tensor:
        start = lag if backward else n_taps - 1 - lag
        return window_BTX[:, start : start + tokens]

    xBC_BTX = torch.addcmul(bias_X, lagged(0), taps_KX[-1])
    for lag in range(1, n_taps):
        xBC_BTX.addcmul_(lagged(lag), taps_KX[-1 - lag])
    functional.silu(xBC_BTX, inplace=True)
    x_BTHP = torch.unflatten(xBC_BTX[..., : headdim * into_BTH.shape[2]], -1, (-1, headdim))
    return Entered(xBC_BTX, (x_BTHP * into_BTH.unsqueeze(-1)).flatten(-2))


def leave_tile(
    y_BTI: Tensor,
    xBC_BTX: Tensor,
    out_BTH: Tensor,
    D_H: Tensor,
    z_BTI: Tensor,
    norm_weight_I: Tensor,
    norm_eps: float,
) -> Tensor:
    """Decay the scan's sums to their tokens, add the skip, gate and normalise.

    Parameters
    ----------
    y_BTI
        Sums of the scan, shape ``(batch, tile, d_inner)``; may be overwritten.
    xBC_BTX
        From `enter_tile`.
    out_BTH
        Decays out of the blocks, shape ``(batch, tile, nheads)``.
    D_H
        Weights of the skip, of the input's type.
    z_BTI
        The gate before its activation.
    norm_weight_I, norm_eps
        Of the norm.
    """
    nheads = out_BTH.shape[2]
    y_BTHP = torch.unflatten(y_BTI, -1, (nheads, -1))
    x_BTHP = torch.unflatten(xBC_BTX[..., : y_BTI.shape[-1]], -1, (nheads, -1))
    y_BTHP = y_BTHP.mul_(out_BTH.unsqueeze(-1)).addcmul_(x_BTHP, D_H.unsqueeze(-1))
    gated_BTI = y_BTHP.flatten(-2).mul_(functional.silu(z_BTI))
    wide = torch.promote_types(gated_BTI.dtype, torch.float32)
    size_BT1 = torch.linalg.vector_norm(gated_BTI, dim=-1, keepdim=True, dtype=wide)
    scale_BT1 = torch.rsqrt(size_BT1.square() / gated_BTI.shape[-1] + norm_eps)
    left_BTI: Tensor = gated_BTI.mul_(scale_BT1.to(gated_BTI.dtype)).mul_(norm_weight_I)
    return left_BTI


class TileSteps(NamedTuple):
    """What runs in front of and behind the scan's matrix products."""

    enter: Callable[..., Entered] = enter_tile
    leave: Callable[..., Tensor] = leave_tile


PLAIN: Final = TileSteps()
"""As torch runs them, one operation after the other."""


def read_in_tiles(
    mixer: Mixer, u_BLD: Tensor, mask_BL: Tensor, *, compiled: TileSteps | None = None
) -> Directions:
    """Compute `Mixer.read_both` without a gradient.

    Where a block's decay is too steep for the merged scan the plain way is taken instead.

    Parameters
    ----------
    mixer
        Whose weights are used.
    u_BLD, mask_BL
        As for `Mixer.read_both`.
    compiled
        Takes the full tiles of single cells, so that it is compiled for one shape; other tiles are
        read as without it.
    """
    config, (_, seqlen, _) = mixer.config, u_BLD.shape
    margin = config.d_conv - 1
    # Rows of zeros at both ends stay zero in the projection, and the convolution needs them.
    u_BLD = functional.pad(u_BLD * mask_BL.unsqueeze(-1), (0, 0, margin, margin))
    projected = mixer.in_proj(u_BLD.to(mixer.in_proj.weight.dtype))
    z_BLI, xBC_BLX, dt_BLH = mixer.split_projected(projected)
    inner = slice(margin, margin + seqlen)
    dt_BLH = mixer.step_sizes(dt_BLH[:, inner]) * mask_BL.unsqueeze(-1)
    decays = read_decays(dt_BLH, mixer.decay_rates(), chunk_size=config.chunk_size)
    z_BLI = z_BLI[:, inner]
    if decays is None:
        return mixer.read_projected(Projected(z_BLI, xBC_BLX[:, inner], dt_BLH))
    forward_BLI, backward_BLI = (
        _read(mixer, z_BLI, xBC_BLX, one_way, backward=backward, compiled=compiled)
        for one_way, backward in zip(decays, (False, True), strict=True)
    )
    return Directions(forward_BLI, backward_BLI)


class _Tile(NamedTuple):
    tokens: slice
    blocks: slice
    window: slice
    """Rows of the input with its margins."""
    full: bool
    """Of the width that most tiles have."""


def _tiles(n_cells: int, seqlen: int, chunk_size: int, *, taps: int, backward: bool) -> list[_Tile]:
    """Cut a row into tiles of whole blocks, in the order in which they are read."""
    n_blocks = seqlen // chunk_size
    width = max(1, TILE_TOKENS // (n_cells * chunk_size))
    cuts = [*range(0, n_blocks, width), n_blocks]
    if seqlen % chunk_size:
        cuts.append(n_blocks + 1)
    tiles = []
    for first, last in pairwise(cuts):
        if first == last:
            continue
        start, end = first * chunk_size, min(last * chunk_size, seqlen)
        shift = taps - 1 if backward else 0
        window = slice(start + shift, end + taps - 1 + shift)
        full = end - start == width * chunk_size
        tiles.append(_Tile(slice(start, end), slice(first, last), window, full))
    return tiles[::-1] if backward else tiles


def _read(
    mixer: Mixer,
    z_BLI: Tensor,
    xBC_BLX: Tensor,
    decays: Decays,
    *,
    backward: bool,
    compiled: TileSteps | None,
) -> Tensor:
    config = mixer.config
    # Whole rows of taps: columns of the weight would be read one number at a time.
    taps_KX, D_H = mixer.conv1d.weight.squeeze(1).T.contiguous(), mixer.D.to(z_BLI.dtype)
    decays = Decays(*(decay.to(z_BLI.dtype) for decay in decays))
    half_BCI = decays.half.repeat_interleave(config.headdim, dim=-1)
    n_cells, seqlen, _ = z_BLI.shape
    read_BLI = torch.empty_like(z_BLI, memory_format=torch.contiguous_format)
    S_BNI = z_BLI.new_zeros(n_cells, config.d_state, config.d_inner)
    for tile in _tiles(n_cells, seqlen, config.chunk_size, taps=config.d_conv, backward=backward):
        steps = compiled if compiled and tile.full and n_cells == 1 else PLAIN
        entered = steps.enter(
            xBC_BLX[:, tile.window], taps_KX, mixer.conv1d.bias, decays.into[:, tile.tokens],
            headdim=config.headdim, backward=backward,
        )  # fmt: skip
        y_BTI, S_BNI = _scan_tile(
            entered, S_BNI, half_BCI[:, tile.blocks], d_state=config.d_state,
            backward=backward,
        )  # fmt: skip
        read_BLI[:, tile.tokens] = steps.leave(
            y_BTI, entered.mixed, decays.out[:, tile.tokens], D_H, z_BLI[:, tile.tokens],
            mixer.norm.weight, config.norm_eps,
        )  # fmt: skip
    return read_BLI


def _scan_tile(
    entered: Entered, S_BNI: Tensor, half_BCI: Tensor, *, d_state: int, backward: bool
) -> tuple[Tensor, Tensor]:
    """Return the sums of a tile, and the state that the next tile starts with."""
    n_cells, n_blocks, _ = half_BCI.shape
    x_bQI = entered.scaled.reshape(n_cells * n_blocks, -1, entered.scaled.shape[-1])
    _, B_BTN, C_BTN = torch.split(entered.mixed, [x_bQI.shape[-1], d_state, d_state], dim=-1)
    B_bNQ = B_BTN.reshape(n_cells * n_blocks, -1, d_state).mT
    C_bQN = C_BTN.reshape(n_cells * n_blocks, -1, d_state)
    pairs_bQQ = torch.bmm(C_bQN, B_bNQ)
    y_bQI = torch.bmm(pairs_bQQ.triu_() if backward else pairs_bQQ.tril_(), x_bQI)
    added_BCNI = torch.unflatten(torch.bmm(B_bNQ, x_bQI), 0, (n_cells, n_blocks))
    start_BCNI = torch.empty_like(added_BCNI)
    for block in range(n_blocks)[:: -1 if backward else 1]:
        half_B1I, start_BNI = half_BCI[:, block].unsqueeze(1), start_BCNI[:, block]
        torch.mul(S_BNI, half_B1I, out=start_BNI)
        S_BNI = (added_BCNI[:, block] + start_BNI).mul_(half_B1I)
    y_bQI.baddbmm_(C_bQN, start_BCNI.flatten(0, 1))
    return y_bQI.view(n_cells, -1, y_bQI.shape[-1]), S_BNI
