"""Ours beside the best baseline on the same cells and the same bootstrap samples."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest

from genemamba.evaluation.annotation.resampling import (
    N_RESAMPLES,
    Interval,
    interval_of,
    resample_scores,
)
from genemamba.evaluation.annotation.scores import AnnotationScore
from genemamba.evaluation.annotation.transfer import HeldOutLabels
from genemamba.provenance import library_version

MetricName = Literal["accuracy", "macro_f1"]
"""What is compared."""

METRICS: Final[tuple[MetricName, ...]] = ("accuracy", "macro_f1")
"""Each with the baseline that is best at it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """One method against one baseline."""

    metric: MetricName
    """What is compared."""
    method: str
    """Whose score comes first."""
    baseline: str
    """The baseline with the best such score on these cells, which favours the baseline: the best of
    several is partly best by luck."""
    difference: float
    """Score of the method minus that of the baseline."""
    interval: Interval
    """Of the difference, over the bootstrap samples of both."""
    share_above_zero: float
    """Bootstrap samples in which the method scores higher."""
    interval_over: str
    """What was resampled."""
    n: int
    """Cells scored."""
    only_method_right: int
    """Cells that only the method names rightly."""
    only_baseline_right: int
    """Cells that only the baseline names rightly."""
    mcnemar_p: float
    """Exact McNemar test that either is as often the only one that is right; takes cells for
    independent, which cells of a donor are not."""
    implementation: str
    """Library and version that computed the comparison: this one."""


def compare_with_best(
    method: str,
    calls: Mapping[str, HeldOutLabels],
    scores: Mapping[str, AnnotationScore],
    *,
    donor: npt.ArrayLike | None = None,
    seed: int,
    n_resamples: int = N_RESAMPLES,
) -> tuple[Comparison, ...]:
    """Compare a method with the baseline that is best, in accuracy and in macro-F1.

    Parameters
    ----------
    method
        Name of the method.
    calls, scores
        Labels of the same cells in the same order, and their scores, by method; all others are
        baselines.
    donor
        Donor of the scored cells, shape ``(n_scored,)``.
    seed
        Of the bootstrap.
    n_resamples
        Bootstrap samples.

    Returns
    -------
    One for each of `METRICS`; none where there is no baseline.
    """
    baselines = [name for name in scores if name != method]
    if method not in scores or not baselines:
        return ()
    return tuple(
        _compare(
            metric,
            (method, max(baselines, key=lambda name: _value(scores[name], metric))),
            calls,
            scores,
            donor=donor,
            seed=seed,
            n_resamples=n_resamples,
        )
        for metric in METRICS
    )


def mcnemar_p(only_first: int, only_second: int) -> float:
    """Return the exact two-sided p-value of McNemar's test [1]_.

    Among the cells on which two methods differ, either should be right in half of them.

    Parameters
    ----------
    only_first, only_second
        Cells that only the one, or only the other, names rightly.

    References
    ----------
    .. [1] McNemar, Psychometrika 12, 153-157 (1947); Dietterich, Neural Computation 10,
       1895-1923 (1998), section 3.1.
    """
    differing = only_first + only_second
    return float(binomtest(only_first, differing).pvalue) if differing else 1.0


def _value(score: AnnotationScore, metric: MetricName) -> float:
    return score.accuracy if metric == "accuracy" else score.macro_f1


def _compare(
    metric: MetricName,
    names: tuple[str, str],
    calls: Mapping[str, HeldOutLabels],
    scores: Mapping[str, AnnotationScore],
    *,
    donor: npt.ArrayLike | None,
    seed: int,
    n_resamples: int,
) -> Comparison:
    truth = calls[names[0]].truth.astype(str)
    first, second = (calls[name].predicted.astype(str) for name in names)
    samples = resample_scores(
        truth, [first, second], donor=donor, seed=seed, n_resamples=n_resamples
    )
    of_metric = samples.accuracy if metric == "accuracy" else samples.macro_f1
    differences = of_metric[:, 0] - of_metric[:, 1]
    is_right, baseline_is_right = first == truth, second == truth
    only_method = int(np.sum(is_right & ~baseline_is_right))
    only_baseline = int(np.sum(baseline_is_right & ~is_right))
    return Comparison(
        metric=metric,
        method=names[0],
        baseline=names[1],
        difference=_value(scores[names[0]], metric) - _value(scores[names[1]], metric),
        interval=interval_of(differences),
        share_above_zero=float(np.mean(differences > 0)),
        interval_over=samples.over,
        n=len(truth),
        only_method_right=only_method,
        only_baseline_right=only_baseline,
        mcnemar_p=mcnemar_p(only_method, only_baseline),
        implementation=library_version("genemamba-atlas"),
    )
