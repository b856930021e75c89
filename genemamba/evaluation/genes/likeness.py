"""How a model's likeness of genes goes with what cells express together and what pathways name."""

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from genemamba.evaluation.genes.pair_statistics import (
    PairScore,
    Statistic,
    auroc,
    score_pairs,
    spearman,
)
from genemamba.evaluation.genes.pairs import MAX_PAIRS, PathwayPairs, draw_pairs
from genemamba.evaluation.genes.scores import GeneScore, Role, Task
from genemamba.provenance import library_version

GENE_TABLE: Final = "gene_table"
"""The model's own vectors, which know no cell."""

GENE_STATES: Final = "gene_states"
"""The mean of a gene's states over cells."""

COEXPRESSION: Final = "coexpression"
"""Correlation of log-normalised counts: what the cells say without a model."""

EXPRESSION_LEVEL: Final = "expression_level"
"""Nearness of mean log-normalised counts: genes are alike where they are equally strong."""

ROLE_OF: Final[Mapping[str, Role]] = {
    GENE_TABLE: "model",
    GENE_STATES: "model",
    COEXPRESSION: "baseline",
    EXPRESSION_LEVEL: "baseline",
}
"""How each likeness of genes is to be read."""

Similarity = NDArray[np.float32]
"""Of every two genes, shape ``(n_genes, n_genes)``."""


def score_coexpression(similarities: Mapping[str, Similarity], *, seed: int) -> Iterator[GeneScore]:
    """Ask whether pairs of genes that are more alike are expressed together more.

    Parameters
    ----------
    similarities
        By name, `COEXPRESSION` among them; the others are scored against it.
    seed
        Of pairs, resamples and permutations.

    Yields
    ------
    Spearman correlation over pairs, one score for each of the others.
    """
    reference = similarities[COEXPRESSION]
    pairs = draw_pairs(
        np.ones(reference.shape, dtype=bool), rng=np.random.default_rng(seed), max_pairs=MAX_PAIRS
    )
    statistic = spearman(reference[pairs[:, 0], pairs[:, 1]])
    others = {name: matrix for name, matrix in similarities.items() if name != COEXPRESSION}
    yield from _scores("coexpression", "coexpression_spearman", statistic, others, pairs, seed)


def score_pathways(
    similarities: Mapping[str, Similarity], pairs: PathwayPairs, *, seed: int
) -> Iterator[GeneScore]:
    """Ask whether genes of one gene set are more alike than genes of none.

    Parameters
    ----------
    similarities
        By name.
    pairs
        From `draw_pathway_pairs`, over the same genes.
    seed
        Of resamples and permutations.

    Yields
    ------
    Area under the ROC curve, one score for each likeness.
    """
    statistic = auroc(pairs.is_alike)
    yield from _scores("pathways", "pathway_auroc", statistic, similarities, pairs.both, seed)


def _scores(
    task: Task,
    metric: str,
    statistic: Statistic,
    similarities: Mapping[str, Similarity],
    pairs: NDArray[np.int64],
    seed: int,
) -> Iterator[GeneScore]:
    for name, similarity in similarities.items():
        found: PairScore = score_pairs(statistic, similarity, pairs, seed=seed)
        yield GeneScore(
            task=task,
            metric=metric,
            subject=name,
            role=ROLE_OF[name],
            value=found.value,
            n=found.n_pairs,
            unit="gene pairs",
            slice="pairs of genes that cells express",
            implementation=library_version("genemamba-atlas"),
            interval=found.interval,
            null=found.null,
        )
