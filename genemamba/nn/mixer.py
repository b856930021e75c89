"""The Mamba-2 mixer, run over a cell's tokens in one direction or in both with the same weights.

Its parameters bear the names of ``mamba_ssm.Mamba2``, so that published weights load.

Shape suffixes: B cells (or 2B: forward, then backward), L tokens, D model width, I = H * P inner
channels, H heads, P channels per head, N state, K taps, X = I + 2N channels of ``x``, ``B``, ``C``.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from genemamba.nn.config import ModelConfig
from genemamba.nn.conv import CausalConv
from genemamba.nn.scan import at_least_float32, scan


class Directions(NamedTuple):
    """What a mixer makes of both reading directions, each in the order of the input."""

    forward: Tensor
    """Read from the first token on."""
    backward: Tensor
    """Read from each cell's last gene back."""


class Mixer(nn.Module):
    """One Mamba-2 mixer (Dao & Gu, arXiv 2405.21060, section 7; one group, gate before norm).

    Parameters
    ----------
    config
        Widths and the norm's epsilon.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        d_inner, nheads = config.d_inner, config.nheads
        d_conv_in = d_inner + 2 * config.d_state
        self.config = config
        self.in_proj = nn.Linear(config.d_model, d_inner + d_conv_in + nheads, bias=False)
        self.conv1d = nn.Conv1d(d_conv_in, d_conv_in, config.d_conv, groups=d_conv_in)
        self.dt_bias = nn.Parameter(torch.zeros(nheads))
        self.A_log = nn.Parameter(torch.zeros(nheads))
        self.D = nn.Parameter(torch.ones(nheads))
        self.norm = nn.RMSNorm(d_inner, eps=config.norm_eps)
        self.out_proj = nn.Linear(d_inner, config.d_model, bias=False)

    def forward(self, u_BLD: Tensor) -> Tensor:
        """Mix tokens from the first to the last.

        Parameters
        ----------
        u_BLD
            Token states, shape ``(batch, seqlen, d_model)``.

        Returns
        -------
        Mixed token states, same shape.
        """
        z_BLI, xBC_BLX, dt_BLH = self._project(u_BLD)
        y_BLI = self._scan(xBC_BLX, self._step_sizes(dt_BLH))
        mixed_BLD: Tensor = self.out_proj(self.norm(y_BLI * functional.silu(z_BLI)))
        return mixed_BLD

    def read_both(self, u_BLD: Tensor, mask_BL: Tensor) -> Directions:
        """Scan tokens in both directions, up to but not including the output projection.

        The input projection acts on each token alone and runs once; so can `out_proj` after a
        linear fusion. A padding token feeds nothing into the convolution and takes a step of size
        zero in the scan, so reading the flipped row is reading the flipped cell.

        Parameters
        ----------
        u_BLD
            Token states, shape ``(batch, seqlen, d_model)``.
        mask_BL
            True where a token is a gene, shape ``(batch, seqlen)``; genes come first.

        Returns
        -------
        Gated and normalised channels of each direction, shape ``(batch, seqlen, d_inner)``; zero
        at padding.
        """
        gene_BL1 = mask_BL.unsqueeze(-1).to(u_BLD.dtype)
        z_BLI, xBC_BLX, dt_BLH = self._project(u_BLD * gene_BL1)
        dt_BLH = self._step_sizes(dt_BLH) * gene_BL1
        y_2BLI = self._scan(_with_reversed(xBC_BLX), _with_reversed(dt_BLH))
        forward_BLI, reversed_BLI = y_2BLI.chunk(2)
        gate_BLI = functional.silu(z_BLI)
        return Directions(
            forward=self.norm(forward_BLI * gate_BLI),
            backward=self.norm(reversed_BLI.flip(1) * gate_BLI),
        )

    def _project(self, u_BLD: Tensor) -> tuple[Tensor, ...]:
        widths = [self.config.d_inner, self.conv1d.in_channels, self.config.nheads]
        return torch.split(self.in_proj(u_BLD), widths, dim=-1)

    def _step_sizes(self, dt_BLH: Tensor) -> Tensor:
        return functional.softplus(at_least_float32(dt_BLH) + self.dt_bias)

    def _convolve(self, xBC_BLX: Tensor) -> Tensor:
        weight_XK = self.conv1d.weight.squeeze(1)
        mixed_BLX: Tensor = CausalConv.apply(  # type: ignore[no-untyped-call]  # torch has none
            xBC_BLX, weight_XK, self.conv1d.bias
        )
        return mixed_BLX

    def _scan(self, xBC_BLX: Tensor, dt_BLH: Tensor) -> Tensor:
        config = self.config
        xBC_BLX = functional.silu(self._convolve(xBC_BLX))
        widths = [config.d_inner, config.d_state, config.d_state]
        x_BLI, B_BLN, C_BLN = torch.split(xBC_BLX, widths, dim=-1)
        x_BLHP = torch.unflatten(x_BLI, -1, (config.nheads, config.headdim))
        A_H = -torch.exp(at_least_float32(self.A_log))
        y_BLHP = scan(x_BLHP, dt_BLH, A_H, B_BLN, C_BLN, chunk_size=config.chunk_size)
        return torch.addcmul(y_BLHP, x_BLHP, self.D.unsqueeze(-1).to(x_BLHP.dtype)).flatten(-2)


def _with_reversed(t_BL_: Tensor) -> Tensor:
    return torch.cat([t_BL_, t_BL_.flip(1)])
