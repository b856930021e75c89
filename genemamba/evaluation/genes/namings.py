"""Scores of naming genes: the published reconstruction, and genes that are really hidden."""

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from genemamba.evaluation.genes.hidden import Answers
from genemamba.evaluation.genes.pair_statistics import percentile_interval
from genemamba.evaluation.genes.reconstruction import (
    CELLS_PER_DRAW,
    Tokens,
    copied_shares,
    copy_next,
    copy_own,
    score_reconstruction,
    shuffle_cells,
)
from genemamba.evaluation.genes.scores import GeneScore, Interval, Role
from genemamba.provenance import library_version

OURS: Final = "genemamba"
"""The model that is scored."""

COPY_NEXT: Final = "copy_next"
"""Names the token behind."""

COPY_OWN: Final = "copy_own"
"""Names the token that it reads."""

ANY_ORDER: Final = "any_order"
"""Names a cell's tokens in any order."""

FREQUENCY: Final = "frequency"
"""Names the genes that most cells show."""

FREQUENCY_AT_RANK: Final = "frequency_at_rank"
"""Names the genes that most cells show at that rank."""

N_DRAWS: Final = 10
"""Draws of `CELLS_PER_DRAW` cells; one is published."""

N_RESAMPLES: Final = 1_000
"""Bootstrap samples of draws or cells."""

_IMPLEMENTATIONS: Final = {
    "reconstruction_levenshtein": "rapidfuzz",
    "reconstruction_bleu": "nltk",
    "reconstruction_spearman": "pandas",
    "named_own_token": "genemamba-atlas",
    "named_next_token": "genemamba-atlas",
}


def score_reconstructions(
    truth: list[Tokens], named: list[Tokens], *, seed: int
) -> Iterator[GeneScore]:
    """Score what a model names as published, beside models that copy.

    Parameters
    ----------
    truth
        Tokens of each cell, in a random order of cells, each with a token, at least one cell.
    named
        What the model names at each position of them.
    seed
        Of the bootstrap over draws, and of the order that the control names.

    Yields
    ------
    Means over up to `N_DRAWS` draws of `CELLS_PER_DRAW` cells; fewer cells make one draw.
    """
    rng = np.random.default_rng(seed)
    methods: Mapping[str, tuple[Role, list[Tokens]]] = {
        OURS: ("model", named),
        COPY_NEXT: ("control", copy_next(truth)),
        COPY_OWN: ("control", copy_own(truth)),
        ANY_ORDER: ("control", shuffle_cells(truth, rng=rng)),
    }
    n_draws = min(N_DRAWS, max(1, len(truth) // CELLS_PER_DRAW))
    draws = [slice(i * CELLS_PER_DRAW, (i + 1) * CELLS_PER_DRAW) for i in range(n_draws)]
    n_cells = min(len(truth), n_draws * CELLS_PER_DRAW)
    for name, (role, tokens) in methods.items():
        rows = [_figures(truth[draw], tokens[draw]) for draw in draws]
        for metric, library in _IMPLEMENTATIONS.items():
            values = np.array([row[metric] for row in rows])
            yield GeneScore(
                task="reconstruction",
                metric=metric,
                subject=name,
                role=role,
                value=float(values.mean()),
                n=n_cells,
                unit="cells",
                slice=f"{CELLS_PER_DRAW} cells at a time, all genes shown",
                implementation=library_version(library),
                interval=_mean_interval(values, np.ones(n_draws), seed) if n_draws > 1 else None,
            )


def score_hidden(answers: Mapping[str, tuple[Role, Answers]], *, seed: int) -> Iterator[GeneScore]:
    """Score what is named where genes are hidden.

    Parameters
    ----------
    answers
        By method, of the same hidden genes, of at least one cell.
    seed
        Of the bootstrap over cells.
    """
    for name, (role, found) in answers.items():
        for metric, sums in (
            ("hidden_gene_accuracy", found.right),
            ("hidden_gene_reciprocal_rank", found.reciprocal_rank),
            ("hidden_order_accuracy", found.right_order),
        ):
            weights = found.n_hidden.astype(np.float64)
            yield GeneScore(
                task="hidden",
                metric=metric,
                subject=name,
                role=role,
                value=float(sums.sum() / weights.sum()),
                n=int(found.n_hidden.sum()),
                unit="hidden genes",
                slice=f"hidden genes of {len(weights):,} cells",
                implementation=library_version("genemamba-atlas"),
                interval=_mean_interval(sums, weights, seed) if len(weights) > 1 else None,
            )


def _figures(truth: list[Tokens], named: list[Tokens]) -> dict[str, float]:
    score = score_reconstruction(truth, named)
    own, following = copied_shares(truth, named)
    return {
        "reconstruction_levenshtein": float(score.levenshtein),
        "reconstruction_bleu": score.bleu,
        "reconstruction_spearman": score.spearman,
        "named_own_token": own,
        "named_next_token": following,
    }


def _mean_interval(
    sums: NDArray[np.float64], weights: NDArray[np.float64], seed: int
) -> Interval | None:
    """Resample rows; each sample is the ratio of both sums."""
    rng = np.random.default_rng(seed)
    rows = rng.integers(len(sums), size=(N_RESAMPLES, len(sums)))
    samples = sums[rows].sum(axis=1) / weights[rows].sum(axis=1)
    return percentile_interval(samples) if np.isfinite(samples).any() else None
