"""Taking genes out of a cell: half of them, or those that are to be named.

Shape suffixes: B cells (2B: their first, then their second halves), L tokens.
"""

from typing import NamedTuple

import torch
from torch import Tensor


class Halves(NamedTuple):
    """Two minibatches of half cells, one on top of the other."""

    input_ids: Tensor
    """Tokens in their old order, shape ``(2 * batch, seqlen)``; the tail is arbitrary."""
    mask: Tensor
    """True where a token is a gene, shape ``(2 * batch, seqlen)``."""
    order: Tensor
    """Where in its cell each token was, shape ``(2 * batch, seqlen)``."""

    def of(self, values_BL: Tensor) -> Tensor:
        """Deal other values of the whole cells' tokens, shape ``(batch, seqlen)``, like these."""
        return torch.cat([values_BL, values_BL]).gather(1, self.order)


def halve_cells(input_ids_BL: Tensor, mask_BL: Tensor, *, generator: torch.Generator) -> Halves:
    """Send each gene of a cell to one of two halves by the toss of a coin.

    Parameters
    ----------
    input_ids_BL
        Tokens, shape ``(batch, seqlen)``.
    mask_BL
        True where a token is a gene, shape ``(batch, seqlen)``.
    generator
        On the CPU.

    Returns
    -------
    The halves, as wide as the longest of them.
    """
    heads_BL = torch.rand(mask_BL.shape, generator=generator).to(mask_BL.device) < 0.5
    chosen_BL = torch.cat([mask_BL & heads_BL, mask_BL & ~heads_BL])
    # A stable sort moves a half's genes to the front and keeps their order.
    order_BL = torch.argsort(chosen_BL.int(), dim=1, descending=True, stable=True)
    order_BL = order_BL[:, : int(chosen_BL.sum(dim=1).max())]
    return Halves(
        input_ids=torch.cat([input_ids_BL, input_ids_BL]).gather(1, order_BL),
        mask=chosen_BL.gather(1, order_BL),
        order=order_BL,
    )


def hidden_genes(mask_BL: Tensor, *, fraction: float, generator: torch.Generator) -> Tensor:
    """Choose the genes to hide: exactly the given fraction of the minibatch, and at least one.

    Parameters
    ----------
    mask_BL
        True where a token is a gene, shape ``(batch, seqlen)``.
    fraction
        Of all genes of the minibatch.
    generator
        On the CPU.

    Returns
    -------
    True where a gene is hidden, shape ``(batch, seqlen)``.
    """
    genes = mask_BL.flatten().nonzero().squeeze(-1)
    n_hidden = max(1, round(fraction * len(genes)))
    chosen = torch.randperm(len(genes), generator=generator)[:n_hidden].to(genes.device)
    hidden = torch.zeros_like(mask_BL).flatten()
    hidden[genes[chosen]] = True
    return hidden.view_as(mask_BL)
