"""Which cells and genes of an atlas are looked at: bounded numbers of either, drawn by seed."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from genemamba import keys
from genemamba.atlas.genes.mapping import MAPPED
from genemamba.atlas.versions.view import AtlasView
from genemamba.errors import GenesError
from genemamba.tokens.token_set import TokenSet
from genemamba.tokens.vocabulary import FIRST_GENE_TOKEN, Vocabulary

MAX_READ: Final = 2_000
"""Cells over which the states of a gene are averaged, and other genes counted."""

MAX_SCORED: Final = 200
"""Cells whose genes are to be named; none of them is counted for a baseline."""

SCORED_SHARE: Final = 0.2
"""Of the cells of a small atlas that are scored, so that others are left to count."""

MAX_GENES: Final = 2_000
"""Genes that are compared in pairs: a matrix of them takes 16 MB."""

MIN_CELLS: Final = 10
"""Read cells that must show a gene for it to be compared."""

MIN_SHARE: Final = 0.01
"""Of the read cells that must show it, too."""


class CellSample(NamedTuple):
    """Rows of the atlas, each ascending."""

    correlated: NDArray[np.int64]
    """Over which co-expression is taken."""
    read: NDArray[np.int64]
    """Of these, those that the model reads for the genes' mean states."""
    scored: NDArray[np.int64]
    """Whose genes are to be named; none of them is in `read`."""


def draw_cells(n_obs: int, *, seed: int, max_cells: int) -> CellSample:
    """Draw the cells that are looked at.

    Parameters
    ----------
    n_obs
        Cells of the atlas.
    seed
        Of the draw.
    max_cells
        Cells over which co-expression is taken, at most.
    """
    order = np.random.default_rng(seed).permutation(n_obs).astype(np.int64)
    n_scored = min(MAX_SCORED, round(SCORED_SHARE * n_obs))
    scored, rest = order[:n_scored], order[n_scored:]
    return CellSample(*(np.sort(rows) for rows in (rest[:max_cells], rest[:MAX_READ], scored)))


def draw_genes(view: AtlasView, vocabulary: Vocabulary, read: TokenSet, *, seed: int) -> list[str]:
    """Draw the genes that are compared: measured in every store and shown by enough cells.

    Parameters
    ----------
    view
        The atlas version.
    vocabulary
        Of the model.
    read
        Cells in rank encoding.
    seed
        Of the draw, where there are more than `MAX_GENES`.

    Returns
    -------
    Ensembl ids, sorted.

    Raises
    ------
    GenesError
        There are fewer than three.
    """
    everywhere = _measured_everywhere(view)
    positions = vocabulary.positions(view.gene_ids)
    n_cells = np.bincount(read.tokens, minlength=vocabulary.size)[positions + FIRST_GENE_TOKEN]
    enough = n_cells >= max(MIN_CELLS, MIN_SHARE * read.n_obs)
    fit = np.flatnonzero(everywhere & (positions >= 0) & enough)
    if len(fit) < 3:
        raise GenesError(
            expected=f"3 genes of the model that {MIN_CELLS} of {read.n_obs} cells express",
            found=f"{len(fit)} of {len(view.gene_ids)} genes that every deposit measured",
            remedy="Take an atlas of more cells, or a model that was trained on these genes.",
            rule="genes-too-few",
        )
    chosen = np.random.default_rng(seed).permutation(fit)[:MAX_GENES]
    return [view.gene_ids[row] for row in np.sort(chosen).tolist()]


def _measured_everywhere(view: AtlasView) -> NDArray[np.bool_]:
    """Say which genes every store measured: elsewhere a zero would not mean none."""
    everywhere = np.ones(len(view.gene_ids), dtype=bool)
    for var in view.variables:
        mapped = var.index[var[keys.GENE_STATUS].isin(MAPPED)]
        everywhere &= view.var.index.isin(mapped)
    return everywhere
