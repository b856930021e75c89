"""Pairs of genes to compare: any, those that share a gene set, and those that share none."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from genemamba.errors import GenesError

MAX_PAIRS: Final = 10_000
"""Pairs of one kind, at most: with more, the interval over genes hardly narrows."""

MIN_PAIRS: Final = 20
"""Pairs of one kind, at least: below that a rank says nothing."""


class PathwayPairs(NamedTuple):
    """Pairs of genes as positions, each of shape ``(n_pairs, 2)``."""

    alike: NDArray[np.int64]
    """Share a gene set."""
    strangers: NDArray[np.int64]
    """Share none, though both are in some."""

    @property
    def both(self) -> NDArray[np.int64]:
        """All pairs, those that are alike first."""
        return np.concatenate([self.alike, self.strangers])

    @property
    def is_alike(self) -> NDArray[np.bool_]:
        """Which of `both` are alike."""
        return np.arange(len(self.alike) + len(self.strangers)) < len(self.alike)


def draw_pairs(
    wanted: NDArray[np.bool_], *, rng: np.random.Generator, max_pairs: int = MAX_PAIRS
) -> NDArray[np.int64]:
    """Draw pairs of different genes, each pair at most once.

    Parameters
    ----------
    wanted
        Which pairs may be drawn, symmetric, shape ``(n_genes, n_genes)``.
    rng
        Of the draw.
    max_pairs
        All are taken where there are no more.

    Returns
    -------
    Positions of the genes, the lower one first, shape ``(n_pairs, 2)``.
    """
    rows, columns = np.triu(wanted, k=1).nonzero()
    some = rng.permutation(len(rows))[:max_pairs]
    return np.column_stack([rows[some], columns[some]]).astype(np.int64)


def draw_pathway_pairs(
    membership: csr_matrix, *, seed: int, max_pairs: int = MAX_PAIRS
) -> PathwayPairs:
    """Draw pairs of genes that share a gene set, and as many that share none.

    Parameters
    ----------
    membership
        Which gene is in which set, boolean, shape ``(n_genes, n_sets)``.
    seed
        Of the draw.
    max_pairs
        Pairs of one kind.

    Raises
    ------
    GenesError
        There are fewer than `MIN_PAIRS` of a kind.
    """
    rng = np.random.default_rng(seed)
    share = share_set(membership)
    known = share.diagonal()
    both_known = known[:, None] & known
    pairs = PathwayPairs(
        alike=draw_pairs(share, rng=rng, max_pairs=max_pairs),
        strangers=draw_pairs(both_known & ~share, rng=rng, max_pairs=max_pairs),
    )
    if min(map(len, pairs)) < MIN_PAIRS:
        raise GenesError(
            expected=f"{MIN_PAIRS} pairs of genes that share a gene set and {MIN_PAIRS} that do not",
            found=(
                f"{len(pairs.alike)} and {len(pairs.strangers)} among {int(known.sum())} genes that"
                " are in a set and expressed by enough cells"
            ),
            remedy="Give gene sets of genes that these cells express, more than one set.",
            rule="gene-sets-few-pairs",
        )
    return pairs


def share_set(membership: csr_matrix) -> NDArray[np.bool_]:
    """Say which two genes are in one set; the diagonal says which are in any.

    Parameters
    ----------
    membership
        Which gene is in which set, shape ``(n_genes, n_sets)``.
    """
    counted = membership.astype(np.int32)
    return np.asarray((counted @ counted.T).toarray() > 0)
