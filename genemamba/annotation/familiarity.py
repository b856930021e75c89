"""A conformal test of whether a cell is of the labelled types, from its scores of novelty."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genemamba.annotation.novelty import NoveltyScores


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FamiliarityTest:
    r"""Scores of labelled cells by heads that did not learn from them, to compare cells with.

    Half of these cells say how rare each of the two scores is, :math:`p_1` and :math:`p_2`, which
    Fisher's statistic :math:`-\ln p_1 - \ln p_2` combines; the other half says how rare that is.
    So the statistic is one fixed function of a cell, and for a cell that is exchangeable with the
    second half, :math:`P(p \le \alpha) \le \alpha` whatever their number (Vovk, Gammerman and
    Shafer 2005, proposition 2.2; Bates et al. 2023, Annals of Statistics 51, for outliers).
    """

    no_evidence: npt.NDArray[np.float64]
    """Of the first half, ascending."""
    distance: npt.NDArray[np.float64]
    """Of the first half, ascending."""
    statistic: npt.NDArray[np.float64]
    """Of the second half, ascending."""

    def familiarity(self, scores: NoveltyScores) -> npt.NDArray[np.float64]:
        """Return the conformal p-value of each cell, in (0, 1]: low where few are so unlike.

        Parameters
        ----------
        scores
            Of the cells.
        """
        combined = _fisher(scores, self.no_evidence, self.distance)
        return conformal_p(combined, self.statistic)


def calibrate_familiarity(scores: NoveltyScores, *, seed: int) -> FamiliarityTest:
    """Take labelled cells as the measure of what is usual.

    Parameters
    ----------
    scores
        Of cells by heads that did not learn from them, each of shape ``(n_obs,)``.
    seed
        Deals the two halves.
    """
    order = np.random.default_rng(seed).permutation(len(scores.distance))
    first, second = np.array_split(order, 2)
    no_evidence, distance = (np.sort(score[first]) for score in scores)
    rest = NoveltyScores(*(score[second] for score in scores))
    statistic = np.sort(_fisher(rest, no_evidence, distance))
    return FamiliarityTest(no_evidence=no_evidence, distance=distance, statistic=statistic)


def conformal_p(
    scores: npt.NDArray[np.float64], usual: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return the share of the usual scores, the cell's own among them, that are as high.

    Parameters
    ----------
    scores
        Of cells, shape ``(n_obs,)``.
    usual
        Ascending, shape ``(n_usual,)``.
    """
    n_higher = len(usual) - np.searchsorted(usual, scores, side="left")
    return np.asarray((1 + n_higher) / (1 + len(usual)))


def _fisher(
    scores: NoveltyScores,
    no_evidence: npt.NDArray[np.float64],
    distance: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    p_evidence = conformal_p(scores.no_evidence, no_evidence)
    p_distance = conformal_p(scores.distance, distance)
    return np.asarray(-np.log(p_evidence) - np.log(p_distance))
