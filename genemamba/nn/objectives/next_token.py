"""Name the next gene of a cell's ranking: without a look at it, or as the published model does.

Shape suffixes: B cells, L tokens, D model width.
"""

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from genemamba.nn.model import GeneMamba
from genemamba.nn.objectives.objective import Losses, name_genes
from genemamba.nn.objectives.pathways import PathwayContrast

LEAK: Final = (
    "next_token_upstream can be solved by copying: from the first layer on, the state of a token "
    "has seen the next one. Its loss says little about cells; use masked or next_token_causal, "
    "unless the published training is to be repeated."
)
"""What is wrong with the published objective."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NextTokenCausal:
    """Name each gene's follower from the genes before, and its predecessor from the genes after.

    Both readings run through all layers without meeting. With f_t the final state of the forward
    reading at gene t, which has seen genes 1 to t, and b_t that of the backward reading, which has
    seen genes t to n, the model's one norm and one head are applied to each state alone::

        lm_head(norm_f(f_t))  names gene t + 1        lm_head(norm_f(b_t))  names gene t - 1

    The loss is the mean over both, n - 1 genes each. No state has seen the gene that it names. The
    readings are fused behind the last layer only, for the embedding; the loss has no use for that.
    Hence the model must be one with ``fuse_every_layer=False``.
    """

    pathways: PathwayContrast | None = None
    """Compares the fused states of a cell's genes; none by default."""

    def loss(
        self,
        model: GeneMamba,
        input_ids_BL: Tensor,
        mask_BL: Tensor,
        bins_BL: Tensor | None = None,
        *,
        generator: torch.Generator,
    ) -> Losses:
        """Score the model on some cells; parameters as for `Objective.loss`."""
        streams = model.read_apart(input_ids_BL, mask_BL, bins_BL)
        followed_BL = mask_BL[:, 1:]
        h_MD = torch.cat(
            [streams.forward[:, :-1][followed_BL], streams.backward[:, 1:][followed_BL]]
        )
        genes_M = torch.cat([input_ids_BL[:, 1:][followed_BL], input_ids_BL[:, :-1][followed_BL]])
        pathways = None
        if self.pathways:
            h_BLD = model.norm_f(model.mamba_mixer.fuse(streams))
            pathways = self.pathways.loss(h_BLD, input_ids_BL, mask_BL, generator=generator)
        return Losses(tokens=name_genes(model, model.norm_f(h_MD), genes_M), pathways=pathways)


@dataclass(frozen=True, kw_only=True, slots=True)
class NextTokenUpstream:
    """The published objective, for fidelity alone: name the next gene from states that saw it.

    The published script scores the padding, too. Here it is left out, since how much of it there
    is depends on the minibatch and not on the cells.

    References
    ----------
    ``CE(logits[:, :-1], ids[:, 1:])`` in the training script of GeneMamba, arXiv 2504.16956.
    """

    pathways: PathwayContrast | None = None
    """Compares the states of a cell's genes; none by default."""

    def loss(
        self,
        model: GeneMamba,
        input_ids_BL: Tensor,
        mask_BL: Tensor,
        bins_BL: Tensor | None = None,
        *,
        generator: torch.Generator,
    ) -> Losses:
        """Score the model on some cells; parameters as for `Objective.loss`."""
        h_BLD = model(input_ids_BL, mask_BL, bins_BL)
        followed_BL = mask_BL[:, 1:]
        return Losses(
            tokens=name_genes(model, h_BLD[:, :-1][followed_BL], input_ids_BL[:, 1:][followed_BL]),
            pathways=self.pathways.loss(h_BLD, input_ids_BL, mask_BL, generator=generator)
            if self.pathways
            else None,
        )
