"""The bidirectional layers: one mixer for both reading directions, fused after every layer.

Shape suffixes: B cells, L tokens, D model width.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from genemamba.nn.config import ModelConfig
from genemamba.nn.mixer import Directions, Mixer
from genemamba.nn.streams import read_streams


class EncoderLayer(nn.Module):
    """A mixer, and the norm before it where the configuration has one.

    Parameters
    ----------
    config
        Shape of the model.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.mamba = Mixer(config)
        self.norm = nn.RMSNorm(config.d_model, eps=config.norm_eps) if config.pre_norm else None

    def forward(self, h_BLD: Tensor) -> Tensor:
        """Add to each token what one reading, from the first token on, makes of it.

        Parameters
        ----------
        h_BLD
            Token states, shape ``(batch, seqlen, d_model)``.

        Returns
        -------
        Token states, same shape.
        """
        mixed_BLD: Tensor = self.mamba(h_BLD if self.norm is None else self.norm(h_BLD))
        return h_BLD + mixed_BLD


class BidirectionalStack(nn.Module):
    """Layers ``X -> fuse(X + M(X), X + reverse(M(reverse(X))))`` with the mixer M of each layer.

    With ``mean`` and ``sum`` fusion the output projection of M is applied once to both directions
    together, which is the same since it is linear and acts on each token alone.

    Where the configuration says so, the directions run apart instead and are fused once, behind
    the last layer; see `read_streams`.

    Parameters
    ----------
    config
        Shape of the model.

    References
    ----------
    Fusions: GeneMamba, arXiv 2504.16956; the published code fuses after every layer and shares
    one ``aggr`` between all layers.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.fusion = config.fusion
        self.fuse_every_layer = config.fuse_every_layer
        self.checkpoint_layers = False
        """Keep only each layer's input for the gradient and compute the rest again."""
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(config.n_layer))
        if config.fusion in ("concat", "gate"):
            self.aggr = nn.Linear(2 * config.d_model, config.d_model)

    def forward(self, h_BLD: Tensor, mask_BL: Tensor) -> Tensor:
        """Run every layer.

        Parameters
        ----------
        h_BLD
            Embedded tokens, shape ``(batch, seqlen, d_model)``.
        mask_BL
            True where a token is a gene, shape ``(batch, seqlen)``; genes come first.

        Returns
        -------
        Token states, same shape. Those of genes do not depend on the padding.
        """
        if not self.fuse_every_layer:
            return self.fuse(self.read_apart(h_BLD, mask_BL))
        fuse = self._recomputing(self._fuse)
        for layer in self.layers:
            h_BLD = fuse(h_BLD, layer, mask_BL)
        return h_BLD

    def read_apart(self, h_BLD: Tensor, mask_BL: Tensor) -> Directions:
        """Run every layer in both directions, each kept to itself; see `read_streams`.

        Parameters
        ----------
        h_BLD, mask_BL
            As for `forward`.
        """
        return read_streams([self._recomputing(layer) for layer in self.layers], h_BLD, mask_BL)

    def _recomputing(self, function: Callable[..., Tensor]) -> Callable[..., Tensor]:
        if self.checkpoint_layers and torch.is_grad_enabled():
            return partial(checkpoint, function, use_reentrant=False)
        return function

    def _fuse(self, h_BLD: Tensor, layer: EncoderLayer, mask_BL: Tensor) -> Tensor:
        mixer = layer.mamba
        u_BLD = h_BLD if layer.norm is None else layer.norm(h_BLD)
        read = mixer.read_both(u_BLD, mask_BL)
        if self.fusion in ("mean", "sum"):
            sum_BLD: Tensor = 2 * h_BLD + mixer.out_proj(read.forward + read.backward)
            return sum_BLD / 2 if self.fusion == "mean" else sum_BLD
        return self.fuse(
            Directions(
                forward=h_BLD + mixer.out_proj(read.forward),
                backward=h_BLD + mixer.out_proj(read.backward),
            )
        )

    def fuse(self, read: Directions) -> Tensor:
        """Make one of the token states of both directions.

        Parameters
        ----------
        read
            Token states, each of shape ``(batch, seqlen, d_model)``.
        """
        forward_BLD, backward_BLD = read
        if self.fusion in ("mean", "sum"):
            sum_BLD = forward_BLD + backward_BLD
            return sum_BLD / 2 if self.fusion == "mean" else sum_BLD
        fused_BLD: Tensor = self.aggr(torch.cat([forward_BLD, backward_BLD], dim=-1))
        if self.fusion == "concat":
            return fused_BLD
        return torch.lerp(backward_BLD, forward_BLD, torch.sigmoid(fused_BLD))
