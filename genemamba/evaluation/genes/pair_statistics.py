"""Statistics over pairs of genes, and what chance makes of them.

Pairs share genes, so they are no independent draws. Intervals resample genes, not pairs, and the
null deals the names of genes anew: both leave whole rows of the matrix together.
"""

import math
from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from genemamba.evaluation.genes.scores import CONFIDENCE_LEVEL, Interval, PermutationNull

N_PERMUTATIONS: Final = 499
"""The smallest p-value is then 0.002."""

N_RESAMPLES: Final = 200
"""Bootstrap samples of genes."""

Statistic = Callable[[NDArray[np.float64], NDArray[np.float64]], float]
"""From the pairs' values and weights, each of shape ``(n_pairs,)``, to a number."""


class PairScore(NamedTuple):
    """A statistic over pairs of genes."""

    value: float
    interval: Interval
    null: PermutationNull
    n_pairs: int


def cosine_matrix(vectors: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return the cosine of every two vectors; 0 with a vector of zeros.

    Parameters
    ----------
    vectors
        Shape ``(n_genes, n_dims)``.

    Returns
    -------
    Shape ``(n_genes, n_genes)``.
    """
    vectors = np.asarray(vectors, dtype=np.float64)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = vectors / np.where(lengths > 0, lengths, 1.0)
    return np.asarray(unit @ unit.T, dtype=np.float32)


def auroc(is_alike: NDArray[np.bool_]) -> Statistic:
    """Make the statistic that asks how often an alike pair has a higher value than another one.

    Parameters
    ----------
    is_alike
        Which pairs are, shape ``(n_pairs,)``; some are and some are not.

    Returns
    -------
    Area under the ROC curve, ties counted half: the Mann-Whitney U over the number of comparisons.
    """

    def statistic(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
        place = _order(values)
        alike = np.bincount(place, weights=np.where(is_alike, weights, 0.0))
        others = np.bincount(place, weights=np.where(is_alike, 0.0, weights))
        below = np.cumsum(others) - others / 2
        n_compared = alike.sum() * others.sum()
        return float(alike @ below / n_compared) if n_compared else math.nan

    return statistic


def spearman(reference: NDArray[np.floating]) -> Statistic:
    """Make the statistic that asks whether values rise with those of a reference.

    Parameters
    ----------
    reference
        Shape ``(n_pairs,)``.

    Returns
    -------
    Pearson correlation of both lists' mid-ranks; a pair of weight two counts as two pairs.
    """
    reference_order = _order(reference)

    def statistic(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
        x, y = (_mid_ranks(order, weights) for order in (_order(values), reference_order))
        x, y = (column - np.average(column, weights=weights) for column in (x, y))
        scale = np.sqrt(weights @ x**2) * np.sqrt(weights @ y**2)
        return float((weights * x) @ y / scale) if scale > 0 else math.nan

    return statistic


def score_pairs(
    statistic: Statistic,
    similarity: NDArray[np.floating],
    pairs: NDArray[np.int64],
    *,
    seed: int,
    n_permutations: int = N_PERMUTATIONS,
    n_resamples: int = N_RESAMPLES,
) -> PairScore:
    """Take a statistic over pairs of genes, with an interval over genes and a permutation null.

    Parameters
    ----------
    statistic
        From `auroc` or `spearman`, made for these pairs.
    similarity
        Of every two genes, shape ``(n_genes, n_genes)``.
    pairs
        Two different genes each, shape ``(n_pairs, 2)``.
    seed
        Of resamples and permutations.
    n_permutations, n_resamples
        How many of either.

    References
    ----------
    Resampling nodes: Snijders and Borgatti, Connections 22 (1999) 161; pairs of a gene with itself
    are left out here. Permuting the names in one of two matrices: Mantel, Cancer Res. 27 (1967) 209.
    """
    rng = np.random.default_rng(seed)
    left, right = pairs.T
    once = np.ones(len(pairs))

    def take(genes: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.asarray(similarity[genes[left], genes[right]], dtype=np.float64)

    n_genes = len(similarity)
    values = take(np.arange(n_genes))
    value = statistic(values, once)
    null = np.array(
        [statistic(take(rng.permutation(n_genes)), once) for _ in range(n_permutations)]
    )
    resampled = []
    for _ in range(n_resamples):
        times = np.bincount(rng.integers(n_genes, size=n_genes), minlength=n_genes).astype(float)
        resampled.append(statistic(values, times[left] * times[right]))
    return PairScore(
        value=value,
        interval=percentile_interval(np.array(resampled)),
        null=PermutationNull(
            mean=float(null.mean()),
            sd=float(null.std(ddof=1)),
            p_value=(1 + int((null >= value).sum())) / (1 + n_permutations),
            n=n_permutations,
        ),
        n_pairs=len(pairs),
    )


def percentile_interval(samples: NDArray[np.float64]) -> Interval:
    """Return the middle `CONFIDENCE_LEVEL` of some bootstrap samples.

    Parameters
    ----------
    samples
        Shape ``(n_resamples,)``; samples that are no number, such as those without one of two
        kinds of pairs, are left out.
    """
    tail = (1 - CONFIDENCE_LEVEL) / 2
    low, high = np.quantile(samples[np.isfinite(samples)], [tail, 1 - tail])
    return Interval(float(low), float(high))


def _order(values: NDArray[np.floating]) -> NDArray[np.intp]:
    """Return the place of each value among the distinct ones, ascending."""
    return np.asarray(np.unique(values, return_inverse=True)[1])


def _mid_ranks(order: NDArray[np.intp], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weight below each value and half of that at it."""
    total = np.bincount(order, weights=weights)
    return np.asarray((np.cumsum(total) - total / 2)[order])
