"""GeneMamba: gene tokens in, token states and gene logits out.

Shape suffixes: B cells, L tokens, D model width, V vocabulary.
"""

import math
from typing import Final

import torch
from torch import Tensor, nn

from genemamba.errors import ModelError
from genemamba.nn.block import BidirectionalStack
from genemamba.nn.config import ModelConfig
from genemamba.nn.mixer import Directions, Mixer

INITIAL_STD: Final = 0.02
"""Spread of fresh embeddings, as in ``mamba_ssm``'s language model and in GPT-2."""

DT_RANGE: Final = (1e-3, 0.1)
"""Fresh step sizes lie here, uniform in the logarithm; default of ``mamba_ssm.Mamba2``."""

A_RANGE: Final = (1.0, 16.0)
"""Fresh decay rates lie here, uniform; default of ``mamba_ssm.Mamba2``."""

NO_VALUE: Final = 0
"""Bin of a token whose expression is not told, such as padding or a hidden gene."""


class GeneMamba(nn.Module):
    """Bidirectional Mamba-2 over a cell's genes, ordered from the most to the least expressed.

    Submodules are named as in the published checkpoints. The constructor leaves torch's own
    initial values; `build_model` makes a model to be trained.

    Parameters
    ----------
    config
        Shape of the model.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.embeddings = nn.Embedding(config.vocab_size, config.d_model)
        self.mamba_mixer = BidirectionalStack(config)
        self.norm_f = nn.RMSNorm(config.d_model, eps=config.norm_eps)
        self.lm_head = nn.Linear(config.d_model, config.vocab_size)
        if config.value_bins:
            self.value_embeddings = nn.Embedding(1 + config.value_bins, config.d_model)
        self.tie()

    def tie(self) -> None:
        """Make both tables one where the configuration says so; needed again after `to_empty`."""
        if self.config.tie_embeddings:
            self.lm_head.weight = self.embeddings.weight

    def forward(
        self, input_ids_BL: Tensor, mask_BL: Tensor, bins_BL: Tensor | None = None
    ) -> Tensor:
        """Return the normalised states of the last layer.

        Parameters
        ----------
        input_ids_BL
            Tokens, shape ``(batch, seqlen)``, integers.
        mask_BL
            True where a token is a gene, shape ``(batch, seqlen)``; genes come first.
        bins_BL
            As for `embed`.

        Returns
        -------
        Token states, shape ``(batch, seqlen, d_model)``; those at padding mean nothing, unless
        the model was made to read it.

        Raises
        ------
        ModelError
            The configuration has ``padding="upstream"`` and rows are not of its `row_seqlen`.
        """
        if self.config.padding == "upstream":
            mask_BL = self._whole_rows(mask_BL)
        h_BLD = self.mamba_mixer(self.embed(input_ids_BL, bins_BL), mask_BL)
        normed_BLD: Tensor = self.norm_f(h_BLD)
        return normed_BLD

    def read_apart(
        self, input_ids_BL: Tensor, mask_BL: Tensor, bins_BL: Tensor | None = None
    ) -> Directions:
        """Return the states of both reading directions, neither fused nor normalised.

        Parameters
        ----------
        input_ids_BL, mask_BL, bins_BL
            As for `forward`.
        """
        return self.mamba_mixer.read_apart(self.embed(input_ids_BL, bins_BL), mask_BL)

    def embed(self, input_ids_BL: Tensor, bins_BL: Tensor | None = None) -> Tensor:
        """Look up what the first layer reads: the gene, and its expression where the model has it.

        Parameters
        ----------
        input_ids_BL
            Tokens, shape ``(batch, seqlen)``, integers.
        bins_BL
            Binned expression of each token, shape ``(batch, seqlen)``, integers up to
            ``value_bins``, `NO_VALUE` where it is not told; needed by a model with
            ``value_bins``, not read by others.

        Returns
        -------
        Shape ``(batch, seqlen, d_model)``.

        Raises
        ------
        ModelError
            The model needs binned expression, and there is none.
        """
        h_BLD: Tensor = self.embeddings(input_ids_BL)
        if not self.config.value_bins:
            return h_BLD
        if bins_BL is None:
            msg = (
                f"Expected expression in {self.config.value_bins} bins beside the tokens, found "
                "tokens alone. Encode the cells with the value_bins of the model."
            )
            raise ModelError(msg)
        value_BLD: Tensor = self.value_embeddings(bins_BL)
        return h_BLD + value_BLD

    def _whole_rows(self, mask_BL: Tensor) -> Tensor:
        """Count padding as genes: the plain flip of the published code, which passes no mask."""
        if mask_BL.shape[1] != self.config.row_seqlen:
            msg = (
                f"Expected cells filled up to {self.config.row_seqlen} tokens for upstream padding,"
                f" found rows of {mask_BL.shape[1]}. Pad them with `pad_cells(row_seqlen=...)`."
            )
            raise ModelError(msg)
        return torch.ones_like(mask_BL)

    def logits(self, h: Tensor) -> Tensor:
        """Score every token of the vocabulary.

        Parameters
        ----------
        h
            Token states, shape ``(..., d_model)``.

        Returns
        -------
        Logits, shape ``(..., vocab_size)``.
        """
        scores: Tensor = self.lm_head(h)
        return scores


def build_model(config: ModelConfig, *, seed: int, device: torch.device) -> GeneMamba:
    """Make a model with fresh weights that depend on the seed alone, not on the device.

    Parameters
    ----------
    config
        Shape of the model.
    seed
        Of every random weight.
    device
        Where the weights are to lie.

    References
    ----------
    Initial values as in ``mamba_ssm``: ``modules/mamba2_simple.py`` and ``_init_weights`` of
    ``models/mixer_seq_simple.py``, which shrinks what each layer adds by ``sqrt(n_layer)``.
    """
    with torch.device("meta"):
        model = GeneMamba(config)
    model.to_empty(device=torch.device("cpu"))
    model.tie()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in model.modules():
            _initialise(module, generator=generator)
        nn.init.normal_(model.lm_head.weight, std=INITIAL_STD, generator=generator)
        for module in model.modules():
            if isinstance(module, Mixer):
                module.out_proj.weight.div_(math.sqrt(config.n_layer))
    return model.to(device)


def _initialise(module: nn.Module, *, generator: torch.Generator) -> None:
    match module:
        case nn.Embedding():
            nn.init.normal_(module.weight, std=INITIAL_STD, generator=generator)
        case nn.RMSNorm():
            module.weight.fill_(1.0)
        case nn.Linear() | nn.Conv1d():
            bound = 1 / math.sqrt(module.weight[0].numel())
            module.weight.uniform_(-bound, bound, generator=generator)
            if module.bias is not None:
                module.bias.zero_()
        case Mixer():
            _initialise_recurrence(module, generator=generator)


def _initialise_recurrence(mixer: Mixer, *, generator: torch.Generator) -> None:
    low, high = (math.log(limit) for limit in DT_RANGE)
    dt_H = torch.empty_like(mixer.dt_bias).uniform_(low, high, generator=generator).exp()
    # The inverse of softplus, so that a zero input steps by dt.
    mixer.dt_bias.copy_(dt_H + torch.log(-torch.expm1(-dt_H)))
    mixer.A_log.uniform_(*A_RANGE, generator=generator).log_()
    mixer.D.fill_(1.0)
