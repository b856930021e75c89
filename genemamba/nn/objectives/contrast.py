"""Knowing a cell by half of its genes.

Shape suffixes: B cells, D model width.
"""

import torch
from torch import Tensor
from torch.nn import functional


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
