"""The Mamba-2 mixer, run over a cell's tokens in one direction or in both with the same weights.

Its parameters bear the names of ``mamba_ssm.Mamba2``, so that published weights load.

Shape suffixes: B cells (or 2B: forward, then backward), L tokens, D model width, I = H * P inner
channels, H heads, P channels per head, N state, K taps, X = I + 2N channels of ``x``, ``B``, ``C``.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from genemamba.nn.config import ModelConfig
from genemamba.nn.conv import CausalConv
from genemamba.nn.decay import at_least_float32
from genemamba.nn.scan import scan


class Directions(NamedTuple):
    """What a mixer makes of both reading directions, each in the order of the input."""

    forward: Tensor
    """Read from the first token on."""
    backward: Tensor
    """Read from each cell's last gene back."""


class Projected(NamedTuple):
    """What the input projection makes of token states."""

    z: Tensor
    """Gate before its activation, shape ``(batch, seqlen, d_inner)``."""
    conv_input: Tensor
    """Channels of ``x``, ``B``, ``C``, shape ``(batch, seqlen, d_inner + 2 * d_state)``."""
    dt: Tensor
    """Step sizes, float32 or wider, zero at padding, shape ``(batch, seqlen, nheads)``."""


Reader = Callable[["Mixer", Tensor, Tensor], Directions]
"""Another way to compute `Mixer.read_both`."""


class Mixer(nn.Module):
    """One Mamba-2 mixer (Dao & Gu, arXiv 2405.21060, section 7; one group, gate before norm).

    Parameters
    ----------
    config
        Widths and the norm's epsilon.

    Attributes
    ----------
    reader
        Computes `read_both` in place of the plain way; backends set it on copies that share their
        weights with the model.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        d_inner, nheads = config.d_inner, config.nheads
        d_conv_in = d_inner + 2 * config.d_state
        self.config = config
        self.reader: Reader | None = None
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
        z_BLI, xBC_BLX, dt_BLH = self.split_projected(self.in_proj(u_BLD))
        y_BLI = self._scan(xBC_BLX, self.step_sizes(dt_BLH))
        mixed_BLD: Tensor = self.out_proj(self.normalise(y_BLI * functional.silu(z_BLI)))
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
        if self.reader is not None:
            return self.reader(self, u_BLD, mask_BL)
        return self.read_projected(self.project(u_BLD, mask_BL))

    def project(self, u_BLD: Tensor, mask_BL: Tensor) -> Projected:
        """Apply the input projection, once for both directions.

        Parameters
        ----------
        u_BLD, mask_BL
            As for `read_both`.
        """
        gene_BL1 = mask_BL.unsqueeze(-1).to(u_BLD.dtype)
        u_BLD = u_BLD * gene_BL1
        if self.in_proj.weight.dtype == torch.bfloat16:
            # Weights that were narrowed for inference, between states that were not.
            u_BLD = u_BLD.bfloat16()
        z_BLI, xBC_BLX, dt_BLH = self.split_projected(self.in_proj(u_BLD))
        return Projected(z_BLI, xBC_BLX, self.step_sizes(dt_BLH) * gene_BL1)

    def read_projected(self, projected: Projected) -> Directions:
        """Do what `read_both` does after the input projection, differentiably.

        Parameters
        ----------
        projected
            From `project`.
        """
        z_BLI, xBC_BLX, dt_BLH = projected
        y_2BLI = self._scan(_with_reversed(xBC_BLX), _with_reversed(dt_BLH))
        forward_BLI, reversed_BLI = y_2BLI.chunk(2)
        gate_BLI = functional.silu(z_BLI)
        return Directions(
            forward=self.normalise(forward_BLI * gate_BLI),
            backward=self.normalise(reversed_BLI.flip(1) * gate_BLI),
        )

    def split_projected(self, projected: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Cut the input projection into gate, input of the convolution, and raw step sizes.

        Parameters
        ----------
        projected
            Shape ``(..., 2 * d_inner + 2 * d_state + nheads)``.
        """
        widths = [self.config.d_inner, self.conv1d.in_channels, self.config.nheads]
        z, xBC, dt = torch.split(projected, widths, dim=-1)
        return z, xBC, dt

    def step_sizes(self, dt: Tensor) -> Tensor:
        """Return positive steps in float32 or wider.

        Parameters
        ----------
        dt
            Raw step sizes, shape ``(..., nheads)``.
        """
        return functional.softplus(at_least_float32(dt) + self.dt_bias)

    def decay_rates(self) -> Tensor:
        """Return the negative rate of each head, shape ``(nheads,)``, in float32 or wider."""
        return -torch.exp(at_least_float32(self.A_log))

    def _convolve(self, xBC_BLX: Tensor) -> Tensor:
        assert self.conv1d.bias is not None  # noqa: S101  # torch types it as optional
        # In the input's format: bfloat16 times float32 would widen all that follows.
        taps_XK, bias_X = (
            weight.to(xBC_BLX.dtype) for weight in (self.conv1d.weight.squeeze(1), self.conv1d.bias)
        )
        mixed_BLX: Tensor = CausalConv.apply(  # type: ignore[no-untyped-call]  # torch has none
            xBC_BLX, taps_XK, bias_X
        )
        return mixed_BLX

    def normalise(self, y_BLI: Tensor) -> Tensor:
        """Apply the norm in front of the output projection, in the format of its input.

        Parameters
        ----------
        y_BLI
            Gated channels, shape ``(..., d_inner)``.
        """
        weight_I = self.norm.weight.to(y_BLI.dtype)
        return functional.rms_norm(y_BLI, weight_I.shape, weight_I, self.norm.eps)

    def _scan(self, xBC_BLX: Tensor, dt_BLH: Tensor) -> Tensor:
        config = self.config
        xBC_BLX = functional.silu(self._convolve(xBC_BLX))
        widths = [config.d_inner, config.d_state, config.d_state]
        x_BLI, B_BLN, C_BLN = torch.split(xBC_BLX, widths, dim=-1)
        x_BLHP = torch.unflatten(x_BLI, -1, (config.nheads, config.headdim))
        y_BLHP = scan(
            x_BLHP, dt_BLH, self.decay_rates(), B_BLN, C_BLN, chunk_size=config.chunk_size
        )
        return torch.addcmul(y_BLHP, x_BLHP, self.D.unsqueeze(-1).to(x_BLHP.dtype)).flatten(-2)


def _with_reversed(t_BL_: Tensor) -> Tensor:
    return torch.cat([t_BL_, t_BL_.flip(1)])
