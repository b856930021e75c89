"""The confidence above which at most a stated share of the labels is wrong."""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import beta

DELTA: Final = 0.05
"""Probability, over the labelled cells that were drawn, that the stated error does not hold."""

N_COVERAGES: Final = 20
"""Coverages that are tried, in equal steps. Each test has an equal share of `DELTA`: 40 instead of
20 would find a coverage nearer to the best, and need 131 cells without an error instead of 117."""


class OperatingPoint(NamedTuple):
    """Which cells are answered for, and how many of them are wrong."""

    threshold: float
    """Cells must be surer than this: 0 where all are accepted, 1 where none is."""
    n_cells: int
    """Labelled cells that this was learnt from."""
    n_accepted: int
    """Of them surer than the threshold."""
    n_wrong: int
    """Of these with a wrong label."""
    bound: float
    """Upper bound on the error among accepted cells; 1 where none is accepted."""


def choose_operating_point(
    confidence: npt.NDArray[np.floating],
    is_right: npt.NDArray[np.bool_],
    *,
    max_error: float,
    delta: float = DELTA,
) -> OperatingPoint:
    r"""Accept as many cells as a stated error allows.

    With probability at least ``1 - delta`` over the cells given, which are drawn independently from
    one distribution and were not learnt from, of the cells of that distribution that are surer than
    the threshold at most ``max_error`` are wrong. Selective risk control after Geifman and El-Yaniv
    2017 (arXiv 1705.08500), with ranks that are fixed beforehand: given the confidence :math:`c` of
    the cell at rank :math:`r`, the cells above it are independent draws among those surer than
    :math:`c`, so their errors are binomial; the bound of Clopper and Pearson at
    ``delta / N_COVERAGES`` fails for one rank at most so often, and for any of them at most
    ``delta`` (Bonferroni). Hence the largest coverage whose bound keeps to the target may be taken.

    Parameters
    ----------
    confidence
        Of each cell, in (0, 1], shape ``(n_obs,)``.
    is_right
        Whether its best label is its own, shape ``(n_obs,)``.
    max_error
        Target, in (0, 1).
    delta
        Probability that the statement fails, in (0, 1).
    """
    falling = np.sort(confidence)[::-1]
    for step in range(N_COVERAGES, 0, -1):
        rank = len(falling) * step // N_COVERAGES
        threshold = float(falling[rank]) if rank < len(falling) else 0.0
        accepted = confidence > threshold
        n_accepted, n_wrong = int(accepted.sum()), int((accepted & ~is_right).sum())
        bound = error_bound(n_wrong, n_accepted, certainty=1 - delta / N_COVERAGES)
        if bound <= max_error:
            return OperatingPoint(threshold, len(falling), n_accepted, n_wrong, bound)
    return OperatingPoint(1.0, len(falling), 0, 0, 1.0)


def error_bound(n_wrong: int, n: int, *, certainty: float) -> float:
    """Return the upper confidence bound of Clopper and Pearson 1934 on a binomial share.

    Parameters
    ----------
    n_wrong, n
        Cells counted, of cells in all.
    certainty
        Of the bound, in (0, 1).
    """
    return float(beta.ppf(certainty, n_wrong + 1, n - n_wrong)) if n_wrong < n else 1.0


def error_interval(n_wrong: int, n: int, *, certainty: float = 0.95) -> tuple[float, float]:
    """Return the two-sided interval of Clopper and Pearson 1934 for a binomial share.

    Parameters
    ----------
    n_wrong, n
        Cells counted, of cells in all, at least one.
    certainty
        Of the interval, in (0, 1).
    """
    side = (1 + certainty) / 2
    low = 1 - error_bound(n - n_wrong, n, certainty=side)
    return low, error_bound(n_wrong, n, certainty=side)
