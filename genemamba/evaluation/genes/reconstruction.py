"""The published score of gene-rank reconstruction, and what copying scores in it.

The model reads a cell's ranked genes and is asked to name them, position by position: it sees what
it names. So the score is no evidence of biology by itself, and never stands alone here.
"""

import warnings
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genemamba.tokens.vocabulary import PAD_TOKEN

CELLS_PER_DRAW: Final = 10
"""Cells that are put behind one another and scored as one, as published."""

Tokens = NDArray[np.int64]
"""Tokens of one cell, in order of rank, shape ``(n_tokens,)``."""


class ReconstructionScore(NamedTuple):
    """How like the named tokens are to those that were read."""

    levenshtein: int
    """Insertions, deletions and substitutions of one token, over all cells; 0 is best."""
    bleu: float
    """BLEU-4; 1 is best."""
    spearman: float
    """Of the tokens' places; 1 is best."""


def score_reconstruction(truth: Sequence[Tokens], named: Sequence[Tokens]) -> ReconstructionScore:
    """Compare named tokens with the true ones as the published script does.

    Cells are put behind one another for the edit distance and for BLEU, whose one reference is the
    truth, unsmoothed. For Spearman, a token's place is its position in the cell from 0 to 1, its
    mean place where it occurs more than once; tokens of either side that the other lacks in that
    cell have place 0 there.

    Parameters
    ----------
    truth, named
        Tokens of the same cells, at least one token in all.

    References
    ----------
    Reconstruction scripts of GeneMamba, arXiv 2504.16956.
    """
    from rapidfuzz.distance import Levenshtein

    whole_truth = np.concatenate(list(truth)).tolist()
    whole_named = np.concatenate(list(named)).tolist()
    return ReconstructionScore(
        levenshtein=int(Levenshtein.distance(whole_truth, whole_named)),
        bleu=_bleu(whole_truth, whole_named),
        spearman=_place_correlation(truth, named),
    )


def copy_next(truth: Sequence[Tokens]) -> list[Tokens]:
    """Name at each position the token behind it, and padding behind the last one.

    This solves the published objective without knowing anything: its loss shifts by one, the
    published score does not shift back, and ten cells so copied have an edit distance of 11.

    Parameters
    ----------
    truth
        Tokens of each cell.
    """
    return [np.append(cell[1:], PAD_TOKEN)[: len(cell)] for cell in truth]


def copy_own(truth: Sequence[Tokens]) -> list[Tokens]:
    """Name at each position the token that is read there.

    Parameters
    ----------
    truth
        Tokens of each cell.
    """
    return [cell.copy() for cell in truth]


def shuffle_cells(truth: Sequence[Tokens], *, rng: np.random.Generator) -> list[Tokens]:
    """Name each cell's tokens in any order: what knowing the set and no order scores.

    Parameters
    ----------
    truth
        Tokens of each cell.
    rng
        Of the order.
    """
    return [rng.permutation(cell) for cell in truth]


def copied_shares(truth: Sequence[Tokens], named: Sequence[Tokens]) -> tuple[float, float]:
    """Say how much of what is named was read at the same position, and one behind it.

    Parameters
    ----------
    truth, named
        Tokens of the same cells.

    Returns
    -------
    Share of positions where the own token is named, and where the next one is, of those that have
    a next one; either is not a number without such a position.
    """
    own = np.concatenate([cell == names for cell, names in zip(truth, named, strict=True)])
    behind = np.concatenate(
        [cell[1:] == names[:-1] for cell, names in zip(truth, named, strict=True)]
    )
    return (
        float(own.mean()) if len(own) else float("nan"),
        float(behind.mean()) if len(behind) else float("nan"),
    )


def _bleu(truth: list[int], named: list[int]) -> float:
    from nltk.translate.bleu_score import sentence_bleu

    with warnings.catch_warnings():
        # Without any four tokens in common it is as good as zero, and nltk says so.
        warnings.simplefilter("ignore", UserWarning)
        return float(sentence_bleu([truth], named))


def _place_correlation(truth: Sequence[Tokens], named: Sequence[Tokens]) -> float:
    both = pd.concat([_places(truth), _places(named)], axis=1, join="outer").fillna(0.0)
    ranks = both.rank().to_numpy()
    if len(ranks) < 2 or (ranks.std(axis=0) == 0).any():
        return float("nan")
    return float(np.corrcoef(ranks.T)[0, 1])


def _places(cells: Sequence[Tokens]) -> pd.Series:
    """Return the mean place of each (cell, token)."""
    frame = pd.DataFrame(
        {
            "cell": np.repeat(np.arange(len(cells)), [len(cell) for cell in cells]),
            "token": np.concatenate(list(cells)),
            "place": np.concatenate([np.linspace(0, 1, len(cell)) for cell in cells]),
        }
    )
    return frame.groupby(["cell", "token"])["place"].mean()
