"""Cells that were measured worse, or otherwise, than the rest of their experimental batch."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genemamba.atlas.cells.quality import N_GENES, PCT_MT, PCT_TOP, TOTAL_COUNTS
from genemamba.errors import SchemaError

IS_OUTLIER: Final = "is_outlier"
"""True for a cell that breaks a rule, ``obs``, bool."""

OUTLIER_REASON: Final = "outlier_reason"
"""Metrics whose rules a cell breaks, joined by `SEPARATOR`, ``obs``, categorical."""

SEPARATOR: Final = ";"
"""Between the reasons of one cell."""

NO_COUNTS: Final = "no_counts"
"""Reason of a cell without any count, which has no percentages to judge."""

MIN_BATCH_N_OBS: Final = 50
"""Cells a batch needs for its own median and MAD: with 50 the MAD of normal values is off by
16 % (standard error 1.17 / sqrt(n), Rousseeuw and Croux 1993)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OutlierRule:
    """How far from the median of its batch a cell may lie in one metric."""

    metric: str
    """Column of ``obs``; also the reason that is given."""
    n_mads: float
    """Median absolute deviations, unscaled, that are still accepted."""
    log1p: bool = False
    """Whether the metric is taken as log(1 + x)."""
    side: Literal["both", "above"] = "both"
    """Which side of the median is looked at."""
    limit: float | None = None
    """Value above which a cell is an outlier in every batch; None where there is none."""


BEST_PRACTICE: Final = (
    OutlierRule(metric=TOTAL_COUNTS, n_mads=5, log1p=True),
    OutlierRule(metric=N_GENES, n_mads=5, log1p=True),
    OutlierRule(metric=PCT_TOP, n_mads=5),
    OutlierRule(metric=PCT_MT, n_mads=3, side="above"),
)
"""Heumos et al., Nature Reviews Genetics 24 (2023), and the chapter "Quality control" of its book
(sc-best-practices.org): 5 MADs, for mitochondrial counts 3. The book also flags every cell above
8 % mitochondrial counts, which in some tissues is every other cell, and cells with unusually few
of them, which are not damaged; here both pass."""


class Outliers(NamedTuple):
    """Which cells break a rule, and where the rules could not be applied."""

    is_outlier: NDArray[np.bool_]
    """For `IS_OUTLIER`, shape ``(n_obs,)``."""
    reason: pd.Categorical
    """For `OUTLIER_REASON`, shape ``(n_obs,)``; missing where a cell breaks no rule."""
    small_batches: tuple[int, ...]
    """Codes of batches with too few cells: only limits were applied."""
    flat_batches: dict[str, tuple[int, ...]]
    """Metric to the codes of batches in which its MAD is 0: only limits were applied."""


def mad_outliers(
    metrics: Mapping[str, NDArray[Any]],
    batches: NDArray[np.integer],
    *,
    rules: Sequence[OutlierRule] = BEST_PRACTICE,
    min_batch_n_obs: int = MIN_BATCH_N_OBS,
) -> Outliers:
    """Find outliers by median absolute deviation within each experimental batch.

    A deviation of exactly the accepted number of MADs is no outlier, nor is a missing value. In
    a batch of fewer than `min_batch_n_obs` cells, or one in which more than half of the cells
    have the same value (MAD 0), deviations say nothing: there only limits are applied.

    Parameters
    ----------
    metrics
        From `cell_metrics`; looked up one at a time.
    batches
        Code of each cell's batch, shape ``(n_obs,)``.
    rules
        At most 7, each with a metric of its own.
    min_batch_n_obs
        Cells a batch needs to be judged by itself.

    Raises
    ------
    SchemaError
        A metric that a rule needs is missing, or has not one value for each cell.
    """
    _check(metrics, len(batches), rules)
    groups = list(_groups(batches))
    broken = np.zeros(len(batches), dtype=np.uint8)
    flat: dict[str, tuple[int, ...]] = {}
    for bit, rule in enumerate(rules):
        values = metrics[rule.metric]
        flat_codes = []
        for code, rows in groups:
            outside = np.zeros(len(rows), dtype=bool)
            judged = np.asarray(values[rows], dtype=np.float64)
            if len(rows) >= min_batch_n_obs and not _deviating(judged, rule, out=outside):
                flat_codes.append(code)
            if rule.limit is not None:
                outside |= judged > rule.limit
            broken[rows] |= outside.astype(np.uint8) << bit
        if flat_codes:
            flat[rule.metric] = tuple(flat_codes)
    names = [rule.metric for rule in rules]
    if TOTAL_COUNTS in metrics:
        broken |= (metrics[TOTAL_COUNTS] == 0).astype(np.uint8) << len(rules)
        names.append(NO_COUNTS)
    return Outliers(
        is_outlier=broken > 0,
        reason=_reasons(broken, names),
        small_batches=tuple(code for code, rows in groups if len(rows) < min_batch_n_obs),
        flat_batches=flat,
    )


def _deviating(values: NDArray[np.float64], rule: OutlierRule, *, out: NDArray[np.bool_]) -> bool:
    """Mark in ``out`` what deviates from the median; return False where the MAD is 0."""
    scaled = np.log1p(values) if rule.log1p else values
    known = scaled[~np.isnan(scaled)]
    if not len(known):
        return True
    median = np.median(known)
    mad = np.median(np.abs(known - median))
    if mad == 0:
        return False
    out |= scaled > median + rule.n_mads * mad
    if rule.side == "both":
        out |= scaled < median - rule.n_mads * mad
    return True


def _groups(batches: NDArray[np.integer]) -> Iterator[tuple[int, NDArray[np.intp]]]:
    order = np.argsort(batches, kind="stable")
    codes, first, n_obs = np.unique(batches[order], return_index=True, return_counts=True)
    for code, start, n in zip(codes.tolist(), first.tolist(), n_obs.tolist(), strict=True):
        yield code, order[start : start + n]


def _reasons(broken: NDArray[np.uint8], names: Sequence[str]) -> pd.Categorical:
    patterns, codes = np.unique(broken, return_inverse=True)
    labels = [
        SEPARATOR.join(name for bit, name in enumerate(names) if pattern >> bit & 1)
        for pattern in patterns.tolist()
    ]
    if labels and not labels[0]:
        labels, codes = labels[1:], codes - 1
    return pd.Categorical.from_codes(codes, categories=pd.Index(labels, dtype=object))


def _check(metrics: Mapping[str, NDArray[Any]], n_obs: int, rules: Sequence[OutlierRule]) -> None:
    missing = [rule.metric for rule in rules if rule.metric not in metrics]
    if missing:
        raise SchemaError(
            expected=f"the metrics {', '.join(missing)}",
            found=", ".join(metrics) or "none",
            remedy="Measure the cells first, or leave out the rules that need them.",
        )
    wrong = {
        name: len(metrics[name])
        for name in (rule.metric for rule in rules)
        if len(metrics[name]) != n_obs
    }
    if wrong:
        raise SchemaError(
            expected=f"one value for each of {n_obs} cells",
            found=", ".join(f"{n} of {name}" for name, n in wrong.items()),
            remedy="Give metrics and batches of the same cells.",
        )
