"""What every objective offers: cells in, named losses out.

Shape suffixes: B cells, L tokens, D model width, M scored tokens.
"""

from typing import Final, Literal, NamedTuple, Protocol, get_args

import torch
from torch import Tensor

from genemamba.nn.model import GeneMamba
from genemamba.nn.vocabulary_loss import vocabulary_loss

ObjectiveName = Literal["masked", "next_token_causal", "next_token_upstream"]
"""What a model can be trained to do."""

OBJECTIVES: Final = get_args(ObjectiveName)
"""Every `ObjectiveName`."""


class Losses(NamedTuple):
    """Parts of a training's loss, in nats, each of shape ``()``; None where there is no such part."""

    tokens: Tensor
    """Mean cross entropy of a gene that the model has to name."""
    contrast: Tensor | None = None
    """Mean cross entropy of finding a half's other half among those of the minibatch."""
    pathways: Tensor | None = None
    """Mean cross entropy of finding a gene of the same gene set among those of the cell."""

    def total(self, *, contrast_weight: float, pathway_weight: float) -> Tensor:
        """Return the weighted sum of the parts that there are.

        Parameters
        ----------
        contrast_weight, pathway_weight
            Of these parts; naming genes weighs 1.
        """
        total = self.tokens
        if self.contrast is not None:
            total = total + contrast_weight * self.contrast
        if self.pathways is not None:
            total = total + pathway_weight * self.pathways
        return total


class Objective(Protocol):
    """Something to be good at, which makes a minibatch of cells into losses."""

    def loss(
        self,
        model: GeneMamba,
        input_ids_BL: Tensor,
        mask_BL: Tensor,
        bins_BL: Tensor | None = None,
        *,
        generator: torch.Generator,
    ) -> Losses:
        """Score the model on some cells.

        Parameters
        ----------
        model
            To be scored.
        input_ids_BL
            Tokens, shape ``(batch, seqlen)``, integers.
        mask_BL
            True where a token is a gene, shape ``(batch, seqlen)``; genes come first.
        bins_BL
            Binned expression of each token, shape ``(batch, seqlen)``; None for a model that does
            not read it.
        generator
            Of all that is chosen at random; on the CPU, so that the choice does not depend on the
            device.
        """
        ...


def name_genes(model: GeneMamba, h_MD: Tensor, genes_M: Tensor) -> Tensor:
    """Return the mean cross entropy of naming genes from states; zero where there is none.

    Parameters
    ----------
    model
        Whose head names them.
    h_MD
        Normalised states, shape ``(n_scored, d_model)``.
    genes_M
        Tokens of the genes, shape ``(n_scored,)``.
    """
    if not len(genes_M):
        return h_MD.float().sum() * 0.0
    return vocabulary_loss(h_MD, model.lm_head, genes_M)
