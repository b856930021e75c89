"""Genes of one gene set should have similar states: a contrast among the genes of each cell.

Shape suffixes: B cells, L tokens, D model width, K sampled genes of a cell, W words of 64 gene
sets, V vocabulary.
"""

from dataclasses import dataclass, replace
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

TEMPERATURE: Final = 0.1
"""Divides the cosines; the value of QinLab's derivative of GeneMamba, whose formula is the only one
that is written down (its ALGORITHM.md: InfoNCE with tau 0.1, weighed by gamma 0.1)."""

N_SAMPLED: Final = 64
"""Genes of a cell that are compared with one another: 4,032 ordered pairs, for less than a
twentieth of the time of a step of the ``small`` preset."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PathwayContrast:
    """InfoNCE over gene states of one cell, in which genes that share a gene set belong together.

    Of each cell some genes are drawn that are in any gene set: nothing is known of the others, so
    that they are neither alike nor unlike. Each of the genes drawn is an anchor; its positives are
    those that share a gene set with it, and its denominator is over all others that were drawn::

        l_ij = cos(h_i, h_j) / temperature
        loss = mean over anchors i of  mean over positives j of  log(sum over k != i of exp(l_ik)) - l_ij

    Anchors without a positive in their cell do not count.

    References
    ----------
    InfoNCE: van den Oord et al., arXiv 1807.03748. Several positives for one anchor, averaged
    outside the logarithm: Khosla et al., arXiv 2004.11362, equation 2.
    """

    set_bits: Tensor
    """Gene sets of each token as bits, shape ``(vocab_size, n_words)``, int64."""
    temperature: float = TEMPERATURE
    """Divides the cosines; the smaller, the more the most similar wrong gene counts."""
    n_sampled: int = N_SAMPLED
    """Genes of a cell that are drawn, at most."""

    def to(self, device: torch.device) -> "PathwayContrast":
        """Return the same on a device."""
        return replace(self, set_bits=self.set_bits.to(device))

    def loss(
        self, h_BLD: Tensor, input_ids_BL: Tensor, seen_BL: Tensor, *, generator: torch.Generator
    ) -> Tensor:
        """Score the states of some cells' genes.

        Parameters
        ----------
        h_BLD
            Token states, shape ``(batch, seqlen, d_model)``.
        input_ids_BL
            Tokens, shape ``(batch, seqlen)``.
        seen_BL
            True where a token is a gene whose state may be compared, shape ``(batch, seqlen)``.
        generator
            Draws the genes; on the CPU.

        Returns
        -------
        Mean over the anchors of the minibatch, in nats, shape ``()``; zero without any.
        """
        bits_BLW = self.set_bits[input_ids_BL]
        known_BL = seen_BL & (bits_BLW != 0).any(dim=-1)
        drawn_BK = draw_positions(known_BL, n_drawn=self.n_sampled, generator=generator)
        there_BK = known_BL.gather(1, drawn_BK)
        bits_BKW = bits_BLW.gather(1, drawn_BK.unsqueeze(-1).expand(-1, -1, bits_BLW.shape[-1]))
        h_BKD = h_BLD.gather(1, drawn_BK.unsqueeze(-1).expand(-1, -1, h_BLD.shape[-1]))
        return contrast_of_sets(
            h_BKD, shared_sets(bits_BKW), there_BK, temperature=self.temperature
        )


def draw_positions(known_BL: Tensor, *, n_drawn: int, generator: torch.Generator) -> Tensor:
    """Draw some positions of each cell, those that may be drawn before all others.

    Parameters
    ----------
    known_BL
        True where a position may be drawn, shape ``(batch, seqlen)``.
    n_drawn
        Of each cell, at most.
    generator
        On the CPU.

    Returns
    -------
    Positions, shape ``(batch, min(n_drawn, seqlen))``; a cell with too few has others at the end.
    """
    lot_BL = torch.rand(known_BL.shape, generator=generator).to(known_BL.device)
    n_drawn = min(n_drawn, known_BL.shape[1])
    return lot_BL.masked_fill(~known_BL, -1.0).topk(n_drawn, dim=1).indices


def shared_sets(bits_BKW: Tensor) -> Tensor:
    """Say which pairs of genes share a gene set.

    Parameters
    ----------
    bits_BKW
        Gene sets of each gene as bits, shape ``(batch, n_drawn, n_words)``.

    Returns
    -------
    True where a pair shares one, shape ``(batch, n_drawn, n_drawn)``.
    """
    shape = (*bits_BKW.shape[:2], bits_BKW.shape[1])
    shared_BKK = torch.zeros(shape, dtype=torch.bool, device=bits_BKW.device)
    # Word by word, so that memory does not grow with the number of gene sets.
    for bits_BK in bits_BKW.unbind(dim=-1):
        shared_BKK |= (bits_BK.unsqueeze(2) & bits_BK.unsqueeze(1)) != 0
    return shared_BKK


def contrast_of_sets(
    h_BKD: Tensor, shared_BKK: Tensor, there_BK: Tensor, *, temperature: float
) -> Tensor:
    """Score how well each gene's state finds those of genes that share a gene set with it.

    Parameters
    ----------
    h_BKD
        States, shape ``(batch, n_drawn, d_model)``.
    shared_BKK
        True where a pair shares a gene set, shape ``(batch, n_drawn, n_drawn)``.
    there_BK
        False where a cell had too few genes, shape ``(batch, n_drawn)``.
    temperature
        Divides the cosines.
    """
    unit_BKD = functional.normalize(h_BKD.float(), dim=-1)
    itself_KK = torch.eye(h_BKD.shape[1], dtype=torch.bool, device=h_BKD.device)
    pairs_BKK = there_BK.unsqueeze(2) & there_BK.unsqueeze(1) & ~itself_KK
    scores_BKK = unit_BKD @ unit_BKD.mT / temperature
    # The lowest finite number, since a row without any pair would be NaN with infinity.
    lowest = torch.finfo(scores_BKK.dtype).min
    log_p_BKK = torch.log_softmax(scores_BKK.masked_fill(~pairs_BKK, lowest), dim=-1)
    positive_BKK = pairs_BKK & shared_BKK
    n_positive_BK = positive_BKK.sum(dim=-1)
    of_anchor_BK = -log_p_BKK.masked_fill(~positive_BKK, 0.0).sum(dim=-1) / n_positive_BK.clamp(
        min=1
    )
    # Anchors without a positive add zero.
    return of_anchor_BK.sum() / (n_positive_BK > 0).sum().clamp(min=1)
