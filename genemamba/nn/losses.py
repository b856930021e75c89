"""What the model is trained to do: name genes that were hidden, and know a cell by half its genes.

The published objective, next-token prediction through bidirectional layers, can be solved by
copying: from the first layer on, a token's state has seen the next token. Here a gene to be named
is not in the input at all.

Naming genes alone says little about cells: most counts are 1, so that the rank of a gene follows
from its median and its neighbours give it away. Hence each cell is read as two random halves of
its genes, which removes half of the neighbours, and the halves must find each other.

Shape suffixes: B cells (2B: their first, then their second halves), L tokens, D model width,
V vocabulary, M hidden tokens.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from genemamba.nn.model import GeneMamba
from genemamba.nn.pooling import mean_pool


class PretrainingLoss(NamedTuple):
    """Both parts, in nats, each of shape ``()``."""

    naming: Tensor
    """Mean cross entropy of naming a hidden gene."""
    contrast: Tensor
    """Mean cross entropy of finding a half's other half among those of the minibatch."""


class Halves(NamedTuple):
    """Two minibatches of half cells, one on top of the other."""

    input_ids: Tensor
    """Tokens in their old order, shape ``(2 * batch, seqlen)``; the tail is arbitrary."""
    mask: Tensor
    """True where a token is a gene, shape ``(2 * batch, seqlen)``."""


def pretraining_loss(
    model: GeneMamba,
    input_ids_BL: Tensor,
    mask_BL: Tensor,
    *,
    mask_token: int,
    fraction: float,
    temperature: float,
    generator: torch.Generator,
) -> PretrainingLoss:
    """Halve each cell, hide some genes of the halves, and score both objectives in one pass.

    Parameters
    ----------
    model
        Sees `mask_token` in place of each hidden gene.
    input_ids_BL
        Tokens, shape ``(batch, seqlen)``, integers.
    mask_BL
        True where a token is a gene, shape ``(batch, seqlen)``; genes come first.
    mask_token
        Stands for a hidden gene.
    fraction
        Of all genes of the minibatch to hide.
    temperature
        As for `contrast_loss`.
    generator
        Chooses halves and genes; on the CPU, so that the choice does not depend on the device.
    """
    halves = halve_cells(input_ids_BL, mask_BL, generator=generator)
    hidden_BL = hidden_genes(halves.mask, fraction=fraction, generator=generator)
    h_BLD = model(halves.input_ids.masked_fill(hidden_BL, mask_token), halves.mask)
    # Only hidden positions go through the head: it is as wide as the vocabulary.
    logits_MV = model.logits(h_BLD[hidden_BL])
    first_BD, second_BD = mean_pool(h_BLD, halves.mask & ~hidden_BL).float().chunk(2)
    return PretrainingLoss(
        naming=functional.cross_entropy(logits_MV.float(), halves.input_ids[hidden_BL].long()),
        contrast=contrast_loss(first_BD, second_BD, temperature=temperature),
    )


def contrast_loss(first_BD: Tensor, second_BD: Tensor, *, temperature: float) -> Tensor:
    """Score how well each cell's halves find each other among all halves of the minibatch.

    Parameters
    ----------
    first_BD, second_BD
        Embeddings of the halves, shape ``(batch, d_model)``.
    temperature
        Divides the cosines; the smaller, the more the nearest wrong half counts.

    Returns
    -------
    Mean over the halves, in nats, shape ``()``.

    References
    ----------
    InfoNCE, van den Oord et al., arXiv 1807.03748, made symmetric as in CLIP, arXiv 2103.00020.
    The mean of the minibatch is taken off first, since what all cells share, and that is most of
    an average over hundreds of genes, tells none from another.
    """
    both_BD = torch.cat([first_BD, second_BD])
    unit_BD = functional.normalize(both_BD - both_BD.mean(dim=0), dim=-1)
    unit_first_BD, unit_second_BD = unit_BD.chunk(2)
    cosine_BB = unit_first_BD @ unit_second_BD.T / temperature
    own_B = torch.arange(len(cosine_BB), device=cosine_BB.device)
    forth = functional.cross_entropy(cosine_BB, own_B)
    back = functional.cross_entropy(cosine_BB.T, own_B)
    return (forth + back) / 2


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
