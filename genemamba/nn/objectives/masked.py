"""Name genes that were hidden, and know a cell by half its genes.

A gene to be named is not in the input at all, nor is its expression.

Naming genes alone says little about cells: most counts are 1, so that the rank of a gene follows
from its median and its neighbours give it away. Hence each cell is read as two random halves of
its genes, which removes half of the neighbours, and the halves must find each other.

Shape suffixes: B cells (2B: their first, then their second halves), L tokens, D model width.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from genemamba.nn.model import NO_VALUE, GeneMamba
from genemamba.nn.objectives.contrast import contrast_loss
from genemamba.nn.objectives.hiding import halve_cells, hidden_genes
from genemamba.nn.objectives.objective import Losses, name_genes
from genemamba.nn.objectives.pathways import PathwayContrast
from genemamba.nn.pooling import mean_pool


@dataclass(frozen=True, kw_only=True, slots=True)
class Masked:
    """Hide some genes of each half of a cell, and score both aims in one pass."""

    mask_token: int
    """Stands for a hidden gene."""
    fraction: float
    """Of all genes of the minibatch to hide."""
    temperature: float
    """As for `contrast_loss`."""
    pathways: PathwayContrast | None = None
    """Compares the states of the genes that are not hidden; none by default."""

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
        halves = halve_cells(input_ids_BL, mask_BL, generator=generator)
        hidden_BL = hidden_genes(halves.mask, fraction=self.fraction, generator=generator)
        # With its rank, the expression of a hidden gene would give the gene's median away.
        seen_bins_BL = (
            None if bins_BL is None else halves.of(bins_BL).masked_fill(hidden_BL, NO_VALUE)
        )
        h_BLD = model(
            halves.input_ids.masked_fill(hidden_BL, self.mask_token), halves.mask, seen_bins_BL
        )
        seen_BL = halves.mask & ~hidden_BL
        first_BD, second_BD = mean_pool(h_BLD, seen_BL).float().chunk(2)
        return Losses(
            # Only hidden positions go through the head: it is as wide as the vocabulary.
            tokens=name_genes(model, h_BLD[hidden_BL], halves.input_ids[hidden_BL]),
            contrast=contrast_loss(first_BD, second_BD, temperature=self.temperature),
            pathways=self.pathways.loss(h_BLD, halves.input_ids, seen_BL, generator=generator)
            if self.pathways
            else None,
        )
