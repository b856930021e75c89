"""Reading in both directions with the fused Triton kernels of ``mamba_ssm``, on CUDA.

Only the scan is taken from the package: the projections run once for both directions, which its
``Mamba2`` module cannot do, and the convolution is ours unless ``causal_conv1d`` is installed, so
that nothing has to be built with nvcc. Cells are packed into one row without padding, each with an
index that neither convolution nor scan crosses.

Shape suffixes: B cells, L tokens, D model width, T tokens of all cells, R rows (forward, then
backward), I = H * P inner channels, H heads, P channels per head, N state, K taps,
X = I + 2N channels of ``x``, ``B``, ``C``.
"""

import functools
import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from genemamba.nn.mixer import Directions, Mixer

CHUNK_SIZE: Final = 256
"""Tokens per block of the fused scan: the default of ``mamba_ssm.Mamba2``."""

_EXTENSION: Final = "selective_scan_cuda"


def read_fused(
    mixer: Mixer, u_BLD: Tensor, mask_BL: Tensor, *, chunk_size: int = CHUNK_SIZE
) -> Directions:
    """Compute `Mixer.read_both`, differentiably.

    Parameters
    ----------
    mixer
        Whose weights are used.
    u_BLD, mask_BL
        As for `Mixer.read_both`.
    chunk_size
        Tokens per block, a power of two.
    """
    cell_B = torch.arange(len(mask_BL), device=mask_BL.device, dtype=torch.int32)
    seq_idx_T = cell_B.unsqueeze(1).expand_as(mask_BL)[mask_BL]
    packed = read_packed(mixer, u_BLD[mask_BL], seq_idx_T, chunk_size=chunk_size)

    def unpack(y_TI: Tensor) -> Tensor:
        y_BLI = y_TI.new_zeros(*mask_BL.shape, y_TI.shape[-1])
        return y_BLI.masked_scatter(mask_BL.unsqueeze(-1), y_TI)

    return Directions(unpack(packed.forward), unpack(packed.backward))


def read_packed(
    mixer: Mixer, u_TD: Tensor, seq_idx_T: Tensor, *, chunk_size: int = CHUNK_SIZE
) -> Directions:
    """Read cells that lie behind each other in one row.

    Parameters
    ----------
    mixer
        Whose weights are used.
    u_TD
        Token states of all cells, shape ``(n_tokens, d_model)``.
    seq_idx_T
        The cell of each token, int32, shape ``(n_tokens,)``; a cell's tokens are neighbours.
    chunk_size
        Tokens per block, a power of two.

    Returns
    -------
    Gated and normalised channels of each direction, shape ``(n_tokens, d_inner)``.
    """
    config = mixer.config
    if mixer.in_proj.weight.dtype == torch.bfloat16:
        u_TD = u_TD.bfloat16()
    z_TI, xBC_TX, dt_TH = mixer.split_projected(mixer.in_proj(u_TD))
    # The backward reading is the forward reading of the flipped row, cell by cell.
    xBC_RTX, dt_RTH, seq_idx_RT = (
        torch.stack([t, t.flip(0)]) for t in (xBC_TX, mixer.step_sizes(dt_TH), seq_idx_T)
    )
    xBC_RTX = _convolve(mixer, xBC_RTX, seq_idx_RT)
    widths = [config.d_inner, config.d_state, config.d_state]
    x_RTI, B_RTN, C_RTN = torch.split(xBC_RTX, widths, dim=-1)
    y_RTHP: Tensor = fused_scan()(
        torch.unflatten(x_RTI, -1, (config.nheads, config.headdim)).contiguous(),
        dt_RTH,
        mixer.decay_rates(),
        B_RTN.unsqueeze(2).contiguous(),
        C_RTN.unsqueeze(2).contiguous(),
        chunk_size,
        D=mixer.D.float(),
        seq_idx=seq_idx_RT.contiguous(),
    )
    forward_TI, flipped_TI = y_RTHP.flatten(-2).unbind(0)
    gate_TI = functional.silu(z_TI)
    return Directions(
        forward=mixer.normalise(forward_TI * gate_TI),
        backward=mixer.normalise(flipped_TI.flip(0) * gate_TI),
    )


def convolve_packed(x_RTX: Tensor, taps_KX: Tensor, bias_X: Tensor, seq_idx_RT: Tensor) -> Tensor:
    """Convolve rows of packed cells without reading across a cell's start, in plain torch.

    Parameters
    ----------
    x_RTX
        Shape ``(rows, n_tokens, channels)``.
    taps_KX
        The last for the token itself, shape ``(taps, channels)``.
    bias_X
        Shape ``(channels,)``.
    seq_idx_RT
        The cell of each token, shape ``(rows, n_tokens)``.
    """
    y_RTX = torch.addcmul(bias_X, x_RTX, taps_KX[-1])
    for lag in range(1, min(len(taps_KX), x_RTX.shape[1])):
        same_RT1 = (seq_idx_RT[:, lag:] == seq_idx_RT[:, :-lag]).unsqueeze(-1)
        earlier_RTX = x_RTX[:, :-lag] * taps_KX[-1 - lag] * same_RT1
        y_RTX = y_RTX + functional.pad(earlier_RTX, (0, 0, lag, 0))
    return y_RTX


@functools.cache
def fused_scan() -> Callable[..., Tensor]:
    """Return ``mamba_chunk_scan_combined``.

    Raises
    ------
    ImportError
        ``mamba_ssm`` or ``triton`` is not installed, or one does not fit the other.
    """
    with _without_extension():
        module = importlib.import_module("mamba_ssm.ops.triton.ssd_combined")
    scan: Callable[..., Tensor] = module.mamba_chunk_scan_combined
    return scan


@functools.cache
def _fused_convolution() -> Callable[..., Tensor] | None:
    if importlib.util.find_spec("causal_conv1d_cuda") is None:
        return None
    convolve: Callable[..., Tensor] = importlib.import_module("causal_conv1d").causal_conv1d_fn
    return convolve


def _convolve(mixer: Mixer, xBC_RTX: Tensor, seq_idx_RT: Tensor) -> Tensor:
    assert mixer.conv1d.bias is not None  # noqa: S101  # torch types it as optional
    taps_XK, bias_X = (
        weight.to(xBC_RTX.dtype) for weight in (mixer.conv1d.weight.squeeze(1), mixer.conv1d.bias)
    )
    if (fused := _fused_convolution()) is None:
        return functional.silu(convolve_packed(xBC_RTX, taps_XK.T, bias_X, seq_idx_RT))
    return fused(
        xBC_RTX.transpose(1, 2), taps_XK, bias_X, seq_idx=seq_idx_RT, activation="silu"
    ).transpose(1, 2)


@contextmanager
def _without_extension() -> Iterator[None]:
    """Let the package be imported where its extension for Mamba-1, which needs nvcc, was not built.

    Up to version 2.3 its ``__init__`` imports that extension first of all. Nothing here calls it,
    so an empty module stands in for it while the package is imported.
    """
    if _EXTENSION in sys.modules or importlib.util.find_spec(_EXTENSION) is not None:
        yield
        return
    sys.modules[_EXTENSION] = ModuleType(_EXTENSION)
    try:
        yield
    finally:
        del sys.modules[_EXTENSION]
