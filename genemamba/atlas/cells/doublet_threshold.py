"""The score from which a cell counts as a doublet: the valley between two kinds of doublets."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

N_BINS: Final = 256
"""Bins of the histogram, as in scikit-image's ``threshold_minimum``, which Scrublet uses."""

MAX_SMOOTHINGS: Final = 10_000
"""Smoothings after which a histogram still has more than two modes, as in scikit-image."""


def valley_threshold(scores: NDArray[np.floating]) -> float | None:
    """Find the minimum between the two modes of the scores of simulated doublets.

    Doublets of two cells of one type score low, those of two types high. The histogram is
    smoothed by a running mean of three until it has two modes at most; the threshold is the
    lowest bin between them.

    Parameters
    ----------
    scores
        Scores of simulated doublets, shape ``(n_sim,)``.

    Returns
    -------
    Centre of the lowest bin; None where the histogram has a single mode.

    References
    ----------
    Prewitt and Mendelsohn, The analysis of cell images, Ann. N. Y. Acad. Sci. 128 (1966).
    """
    if not len(scores) or scores.min() == scores.max():
        return None
    counts, edges = np.histogram(scores, bins=N_BINS)
    height = counts.astype(np.float64)
    for _ in range(MAX_SMOOTHINGS):
        padded = np.pad(height, 1, mode="symmetric")
        height = (padded[:-2] + padded[1:-1] + padded[2:]) / 3
        modes = _modes(height)
        if len(modes) <= 2:
            break
    if len(modes) != 2:
        return None
    lowest = modes[0] + int(np.argmin(height[modes[0] : modes[1] + 1]))
    return float((edges[lowest] + edges[lowest + 1]) / 2)


def _modes(height: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the bins after which a rise, or the left edge, turns into a fall."""
    step = np.sign(np.diff(height))
    moves = np.flatnonzero(step)
    before = np.concatenate([[1.0], step[moves][:-1]])
    return moves[(before > 0) & (step[moves] < 0)]
