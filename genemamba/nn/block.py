"""The bidirectional layers: one mixer for both reading directions, fused after every layer.

Shape suffixes: B cells, L tokens, D model width.
"""

import torch
from torch import Tensor, nn

from genemamba.nn.config import ModelConfig
from genemamba.nn.mixer import Mixer


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


class BidirectionalStack(nn.Module):
    """Layers ``X -> fuse(X + M(X), X + reverse(M(reverse(X))))`` with the mixer M of each layer.

    With ``mean`` and ``sum`` fusion the output projection of M is applied once to both directions
    together, which is the same since it is linear and acts on each token alone.

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
        for layer in self.layers:
            assert isinstance(layer, EncoderLayer)  # noqa: S101  # ModuleList forgets the type
            h_BLD = self._fuse(h_BLD, layer, mask_BL)
        return h_BLD

    def _fuse(self, h_BLD: Tensor, layer: EncoderLayer, mask_BL: Tensor) -> Tensor:
        mixer = layer.mamba
        u_BLD = h_BLD if layer.norm is None else layer.norm(h_BLD)
        read = mixer.read_both(u_BLD, mask_BL)
        if self.fusion in ("mean", "sum"):
            sum_BLD: Tensor = 2 * h_BLD + mixer.out_proj(read.forward + read.backward)
            return sum_BLD / 2 if self.fusion == "mean" else sum_BLD
        forward_BLD = h_BLD + mixer.out_proj(read.forward)
        backward_BLD = h_BLD + mixer.out_proj(read.backward)
        fused_BLD: Tensor = self.aggr(torch.cat([forward_BLD, backward_BLD], dim=-1))
        if self.fusion == "concat":
            return fused_BLD
        return torch.lerp(backward_BLD, forward_BLD, torch.sigmoid(fused_BLD))
