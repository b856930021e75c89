"""Naming genes that were taken out of a cell: a task that copying cannot solve.

A share of each cell's genes is hidden. At the place of each, its rank is known, its name is not.
Two questions: which gene of all that the cell does not show stands here, and which of the hidden
ones does. The second is rank reconstruction without the answer in the input.

Shape suffixes: D model width, K hidden genes, V vocabulary.
"""

from typing import Final, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from genemamba.inference.encoder import Encoder
from genemamba.nn.model import NO_VALUE
from genemamba.tokens.minibatch import Minibatch, pad_cells
from genemamba.tokens.token_set import TokenSet
from genemamba.tokens.vocabulary import FIRST_GENE_TOKEN

HIDDEN_FRACTION: Final = 0.15
"""Of a cell's genes, as in training with the objective ``masked``."""

N_PLACES: Final = 20
"""Parts of a cell's ranking in which the baseline counts genes apart."""


class HiddenCell(NamedTuple):
    """A cell and what is hidden of it."""

    row: int
    """Position of the cell."""
    tokens: NDArray[np.int64]
    """All its tokens, shape ``(n_tokens,)``."""
    places: NDArray[np.int64]
    """Positions that are hidden, ascending, shape ``(n_hidden,)``."""

    @property
    def targets(self) -> NDArray[np.int64]:
        """Hidden tokens, shape ``(n_hidden,)``."""
        return self.tokens[self.places]

    @property
    def seen(self) -> NDArray[np.int64]:
        """Tokens that are not hidden."""
        return np.delete(self.tokens, self.places)


class Namer(Protocol):
    """Something that scores genes for the hidden places of a cell."""

    def __call__(self, cell: HiddenCell, /) -> NDArray[np.float32]:
        """Return a score of each token at each hidden place, shape ``(n_hidden, vocab_size)``."""
        ...


class Answers(NamedTuple):
    """How often a namer is right, by cell; each of shape ``(n_cells,)``."""

    n_hidden: NDArray[np.int64]
    right: NDArray[np.float64]
    """Hidden genes that are named, of all genes that the cell does not show."""
    reciprocal_rank: NDArray[np.float64]
    """Sum over hidden genes of one over their rank among those; ties share their mean rank."""
    right_order: NDArray[np.float64]
    """Hidden genes that are put at their place, of the hidden genes of the cell."""


def hide_genes(
    tokens: TokenSet, *, seed: int, fraction: float = HIDDEN_FRACTION
) -> list[HiddenCell]:
    """Hide some genes of each cell; cells of fewer than two genes are left out.

    Parameters
    ----------
    tokens
        Cells in rank encoding.
    seed
        Of the choice.
    fraction
        Of a cell's genes; at least one.
    """
    rng = np.random.default_rng(seed)
    hidden = []
    for row in np.flatnonzero(tokens.lengths > 1).tolist():
        cell = tokens.cell(row).astype(np.int64)
        n_hidden = max(1, round(fraction * len(cell)))
        places = np.sort(rng.choice(len(cell), n_hidden, replace=False))
        hidden.append(HiddenCell(row, cell, places))
    return hidden


class ModelNamer:
    """Asks a model that reads the cell with a stand-in for each hidden gene.

    Parameters
    ----------
    encoder
        The model.
    head
        From its states to a logit for each token, on its device.
    tokens
        All cells, with their expression where the model reads it.
    stand_in
        Token that hides a gene.
    """

    def __init__(
        self, encoder: Encoder, head: nn.Linear, tokens: TokenSet, *, stand_in: int
    ) -> None:
        self._encoder = encoder
        self._head = head
        self._tokens = tokens
        self._stand_in = stand_in

    @torch.inference_mode()
    def __call__(self, cell: HiddenCell, /) -> NDArray[np.float32]:
        """Return the logits at the hidden places, shape ``(n_hidden, vocab_size)``."""
        places = torch.from_numpy(cell.places)
        whole = pad_cells(self._tokens, np.array([cell.row]), row_seqlen=self._encoder.row_seqlen)
        input_ids = whole.input_ids.clone()
        input_ids[0, places] = self._stand_in
        bins = whole.bins
        if bins is not None:
            # With its rank, the expression of a hidden gene would give the gene's median away.
            bins = bins.clone()
            bins[0, places] = NO_VALUE
        h_BLD = self._encoder(Minibatch(input_ids, whole.mask, bins))
        logits_KV = self._head(h_BLD[0, places.to(h_BLD.device)])
        return np.asarray(logits_KV.float().cpu().numpy())


class FrequencyNamer:
    """Names the genes that most other cells show, wherever the place is.

    Parameters
    ----------
    tokens
        Other cells.
    vocab_size
        Tokens of the vocabulary.
    """

    def __init__(self, tokens: TokenSet, *, vocab_size: int) -> None:
        self._counts = np.bincount(tokens.tokens, minlength=vocab_size).astype(np.float32)

    def __call__(self, cell: HiddenCell, /) -> NDArray[np.float32]:
        """Return the same scores at every place, shape ``(n_hidden, vocab_size)``."""
        return np.broadcast_to(self._counts, (len(cell.places), len(self._counts)))


class PlaceNamer:
    """Names the genes that most other cells show at about the same rank.

    The ranking is cut into `N_PLACES` parts; genes equally frequent there go by their frequency
    anywhere.

    Parameters
    ----------
    tokens
        Other cells.
    vocab_size
        Tokens of the vocabulary.
    """

    def __init__(self, tokens: TokenSet, *, vocab_size: int) -> None:
        lengths = np.repeat(tokens.lengths, tokens.lengths)
        within = np.arange(len(tokens.tokens)) - np.repeat(tokens.indptr[:-1], tokens.lengths)
        counts = np.zeros((N_PLACES, vocab_size), dtype=np.float64)
        np.add.at(counts, (_part(within, lengths), tokens.tokens), 1.0)
        anywhere = counts.sum(axis=0)
        self._counts = (counts + anywhere / (1.0 + anywhere.sum())).astype(np.float32)

    def __call__(self, cell: HiddenCell, /) -> NDArray[np.float32]:
        """Return the scores of each place's part, shape ``(n_hidden, vocab_size)``."""
        return np.asarray(self._counts[_part(cell.places, np.array(len(cell.tokens)))])


def answer(cells: list[HiddenCell], namer: Namer, *, n_genes: int) -> Answers:
    """Ask for the hidden genes of some cells, one cell at a time.

    Parameters
    ----------
    cells
        From `hide_genes`.
    namer
        Scores genes.
    n_genes
        Genes of the vocabulary; other tokens are no answers.
    """
    figures = np.zeros((4, len(cells)))
    genes = slice(FIRST_GENE_TOKEN, FIRST_GENE_TOKEN + n_genes)
    for column, cell in enumerate(cells):
        scores = np.array(namer(cell), dtype=np.float32)
        at_target = scores[np.arange(len(cell.targets)), cell.targets][:, None]
        among_hidden = scores[:, cell.targets]
        scores[:, cell.seen] = -np.inf
        scores = scores[:, genes]
        ranks = _mean_rank(scores, at_target)
        figures[:, column] = (
            len(cell.targets),
            _chance_of_first(scores, at_target),
            (1 / ranks).sum(),
            _chance_of_first(among_hidden, at_target),
        )
    return Answers(figures[0].astype(np.int64), *figures[1:])


def _mean_rank(scores: NDArray[np.float32], at_target: NDArray[np.float32]) -> NDArray[np.float64]:
    above = (scores > at_target).sum(axis=1)
    equal = (scores == at_target).sum(axis=1)
    return np.asarray(above + (equal + 1) / 2)


def _chance_of_first(scores: NDArray[np.float32], at_target: NDArray[np.float32]) -> float:
    """Add up the chances that the target is drawn from those with the highest score."""
    is_first = ~(scores > at_target).any(axis=1)
    equal = (scores == at_target).sum(axis=1)
    return float((is_first / equal).sum())


def _part(within: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.asarray(within * N_PLACES // lengths)
