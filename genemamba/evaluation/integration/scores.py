"""Integration scores of several embeddings of the same cells, as scIB defines them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from genemamba.evaluation.integration.metrics import Group, MetricSpec, Space, compute_metric
from genemamba.evaluation.integration.scope import Scope, choose_scope
from genemamba.keys import X_PCA
from genemamba.provenance import library_version
from genemamba.storage import Progress

BIO_WEIGHT: Final = 0.6
"""Share of bio conservation in the total; the rest is batch correction (Luecken et al. 2022,
Benchmarking atlas-level data integration in single-cell genomics)."""

MAX_CELLS: Final = 20_000
"""Silhouettes and neighbours grow with the square of the cells: 191 s a silhouette at 100,000."""

BIO_CONSERVATION: Final = "bio_conservation"
BATCH_CORRECTION: Final = "batch_correction"
TOTAL: Final = "total"

Embeddings = Mapping[str, npt.NDArray[np.floating]]
"""Embedding by name, each of shape ``(n_obs, n_dims)``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class IntegrationScore:
    """One number about one embedding."""

    metric: str
    """Name as `scib_metrics.benchmark.Benchmarker` spells it, or an aggregate's."""
    embedding: str
    """Name of the embedding."""
    value: float
    """In [0, 1], higher is better; NaN where the metric failed."""
    group: Group
    n: int
    """Cells it was computed on."""
    implementation: str
    """Library and version that computed it: scores of another one must not be compared."""
    slice: str = ""
    """Which cells, and for an aggregate also which metrics: unlike ones must not be compared."""
    note: str = ""
    """Warning or error of the metric, or what an aggregate lacks."""


@dataclass(frozen=True, kw_only=True, slots=True)
class IntegrationScores:
    """All numbers, and what could not be asked."""

    scores: tuple[IntegrationScore, ...]
    """By embedding, then metric; the aggregates last."""
    notes: tuple[str, ...]
    """Why metrics are absent or cells were drawn."""


def score_embeddings(
    embeddings: Embeddings,
    labels: npt.ArrayLike,
    batch: npt.ArrayLike,
    *,
    seed: int,
    pre_integrated: str = X_PCA,
    max_cells: int = MAX_CELLS,
    kbet: bool = False,
    progress: Progress | None = None,
) -> IntegrationScores:
    """Score embeddings with scib-metrics, one metric at a time.

    Bio conservation is scored on labelled cells. Batch correction is scored on labelled cells
    too where they lie in two or more batches; where they lie in one, the metrics that need no
    labels are scored on all cells and the others are left out; with one batch, all are left out.
    The values are those of `scib_metrics.benchmark.Benchmarker` on the same cells, except that
    neighbours are exact and that an aggregate is the mean of the metrics that gave a number.

    Parameters
    ----------
    embeddings
        What to score.
    labels
        Label of each cell, `keys.UNKNOWN` where there is none, shape ``(n_obs,)``.
    batch
        Experimental batch of each cell, shape ``(n_obs,)``.
    seed
        Draws the cells where there are more than ``max_cells``. The metrics themselves use
        scib-metrics' fixed seeds.
    pre_integrated
        Name of the embedding that `pcr_comparison` takes for the state before integration; the
        metric is left out where there is none of that name. Its own score is 0 by definition.
    max_cells
        Cells per group of metrics.
    kbet
        Also compute `kbet_per_label`. Off by default: it takes 40 s to compile on two cores, and
        its eigenvectors start at random, so its last digits vary from run to run.
    progress
        Told how many calls of how many are done.
    """
    labels = np.asarray(labels, dtype=object).astype(str)
    batch = np.asarray(batch, dtype=object).astype(str)
    scope = choose_scope(labels, batch, seed=seed, max_cells=max_cells, kbet=kbet)
    if pre_integrated not in embeddings:
        scope = scope.without("pcr_comparison", f"there is no {pre_integrated} to compare with")
    scores: list[IntegrationScore] = []
    done, total = 0, len(scope.specs) * len(embeddings)
    for name in embeddings:
        spaces = _spaces(scope, embeddings, name, pre_integrated, labels, batch)
        own: list[IntegrationScore] = []
        for spec in scope.specs:
            own.extend(_score(spec, spaces[spec.group], name, scope.slices[spec.group]))
            done += 1
            if progress is not None:
                progress(done, total)
        scores.extend([*own, *_aggregate(own)])
    return IntegrationScores(scores=tuple(scores), notes=scope.notes)


def _spaces(
    scope: Scope,
    embeddings: Embeddings,
    name: str,
    pre_integrated: str,
    labels: npt.NDArray[np.str_],
    batch: npt.NDArray[np.str_],
) -> dict[Group, Space]:
    """Cut the cells of each group out; groups of the same cells share their neighbours."""
    pre = embeddings.get(pre_integrated)

    def cut(rows: npt.NDArray[np.intp]) -> Space:
        X = np.asarray(embeddings[name][rows], dtype=np.float32)
        X_pre = None if pre is None else np.asarray(pre[rows], dtype=np.float32)
        return Space(
            X=X,
            # One array, so that an embedding compared with itself scores 0 to the last digit.
            X_pre=X if name == pre_integrated else X_pre,
            labels=labels[rows],
            batch=batch[rows],
        )

    bio = cut(scope.rows["bio"])
    same = np.array_equal(scope.rows["bio"], scope.rows["batch"])
    return {"bio": bio, "batch": bio if same else cut(scope.rows["batch"])}


def _score(
    spec: MetricSpec, space: Space, embedding: str, cells: str
) -> Iterator[IntegrationScore]:
    result = compute_metric(spec, space)
    for metric, value in result.values.items():
        yield IntegrationScore(
            metric=metric,
            embedding=embedding,
            value=value,
            group=spec.group,
            n=len(space.X),
            implementation=library_version("scib-metrics"),
            slice=cells,
            note=result.note,
        )


def _aggregate(scores: list[IntegrationScore]) -> list[IntegrationScore]:
    aggregates = []
    groups: tuple[tuple[str, Group], ...] = ((BIO_CONSERVATION, "bio"), (BATCH_CORRECTION, "batch"))
    for metric, group in groups:
        of_group = [score for score in scores if score.group == group]
        if of_group:
            aggregates.append(_mean(metric, of_group))
    if len(aggregates) == len(groups):
        bio, batch = aggregates
        value = BIO_WEIGHT * bio.value + (1 - BIO_WEIGHT) * batch.value
        aggregates.append(
            replace(
                bio,
                metric=TOTAL,
                value=value,
                n=max(bio.n, batch.n),
                slice=f"{BIO_WEIGHT:g} of {bio.slice}; {1 - BIO_WEIGHT:g} of {batch.slice}",
                note="; ".join(part.note for part in (bio, batch) if part.note),
            )
        )
    return aggregates


def _mean(metric: str, scores: list[IntegrationScore]) -> IntegrationScore:
    averaged = [score for score in scores if np.isfinite(score.value)]
    failed = [score.metric for score in scores if not np.isfinite(score.value)]
    note = f"without {', '.join(failed)}" if failed else ""
    names = ", ".join(score.metric for score in averaged) or "none"
    return replace(
        scores[0],
        metric=metric,
        value=float(np.mean([score.value for score in averaged])) if averaged else float("nan"),
        group="aggregate",
        slice=f"{scores[0].slice}; mean of {len(averaged)}: {names}",
        note=note,
    )
