"""Integration scores of several embeddings of the same cells, as scIB defines them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from genemamba.evaluation.integration.aggregates import aggregate
from genemamba.evaluation.integration.metrics import (
    DECIMALS,
    MetricSpec,
    Space,
    compute_metric,
)
from genemamba.evaluation.integration.sampling import Rows, mean_interval
from genemamba.evaluation.integration.scope import Scope, choose_scope
from genemamba.evaluation.integration.scores import (
    ZERO_SHOT,
    Embeddings,
    IntegrationScore,
    IntegrationScores,
    Kind,
)
from genemamba.keys import X_PCA
from genemamba.provenance import library_version
from genemamba.storage import Progress

MAX_CELLS: Final = 20_000
"""Silhouettes and neighbours grow with the square of the cells: 191 s a silhouette at 100,000."""


def score_embeddings(
    embeddings: Embeddings,
    labels: npt.ArrayLike,
    batch: npt.ArrayLike,
    *,
    seed: int,
    kinds: Mapping[str, Kind] | None = None,
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
    Beside them stand the averages published for GeneMamba, `aggregates.PUBLISHED_AVERAGES`.

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
    kinds
        Which embeddings saw labels or are controls; the others are `scores.ZERO_SHOT`.
    pre_integrated
        Name of the embedding that `pcr_comparison` takes for the state before integration; the
        metric is left out where there is none of that name. Its own score is 0 by definition.
    max_cells
        Cells per group of metrics. Of more, several samples are drawn that share so many, and
        every number is their mean, with its interval.
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
    step = _counter(progress, len(embeddings) * sum(len(scope.draws[s.group]) for s in scope.specs))
    scores: list[IntegrationScore] = []
    for name in embeddings:
        kind = (kinds or {}).get(name, ZERO_SHOT)

        def cut(rows: Rows, name: str = name) -> Space:
            return _space(embeddings, name, pre_integrated, labels, batch, rows)

        scores.extend(replace(score, kind=kind) for score in _score_one(name, scope, cut, step))
    return IntegrationScores(scores=tuple(scores), notes=scope.notes)


def _counter(progress: Progress | None, total: int) -> Callable[[], None]:
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total)

    return step


def _space(
    embeddings: Embeddings,
    name: str,
    pre_integrated: str,
    labels: npt.NDArray[np.str_],
    batch: npt.NDArray[np.str_],
    rows: Rows,
) -> Space:
    X = np.asarray(embeddings[name][rows], dtype=np.float32)
    pre = embeddings.get(pre_integrated)
    X_pre = None if pre is None else np.asarray(pre[rows], dtype=np.float32)
    return Space(
        X=X,
        # One array, so that an embedding compared with itself scores 0 to the last digit.
        X_pre=X if name == pre_integrated else X_pre,
        labels=labels[rows],
        batch=batch[rows],
    )


def _score_one(
    name: str, scope: Scope, cut: Callable[[Rows], Space], step: Callable[[], None]
) -> list[IntegrationScore]:
    """Score one embedding on every draw, and average the draws."""
    n_draws = max(len(draws) for draws in scope.draws.values())
    by_draw: list[list[IntegrationScore]] = []
    latest: dict[str, list[IntegrationScore]] = {}
    for draw in range(n_draws):
        spaces: dict[str, Space] = {}
        for spec in scope.specs:
            draws, cells = scope.draws[spec.group], scope.slices[spec.group]
            if draw < len(draws):
                if cells not in spaces:
                    # Groups of the same cells share their neighbours.
                    spaces[cells] = cut(draws[draw])
                latest[spec.name] = list(_score(spec, spaces[cells], name, cells))
                step()
        own = [score for spec in scope.specs for score in latest[spec.name]]
        by_draw.append([*own, *aggregate(own)])
    return [_average(of_metric) for of_metric in zip(*by_draw, strict=True)]


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
            implementation=library_version(spec.library),
            slice=cells,
            note=result.note,
        )


def _average(draws: Sequence[IntegrationScore]) -> IntegrationScore:
    """Average one metric over the draws that gave a number; all alike were not drawn."""
    first = draws[0]
    if all(score == first for score in draws):
        return first
    values = [score.value for score in draws if np.isfinite(score.value)]
    notes = list(dict.fromkeys(score.note for score in draws if score.note))
    if len(values) < len(draws):
        notes.insert(0, f"{len(draws) - len(values)} of {len(draws)} draws gave no number")
    low, high = mean_interval(values)
    return replace(
        first,
        value=round(float(np.mean(values)), DECIMALS) if values else float("nan"),
        slice=max((score.slice for score in draws), key=len),
        note="; ".join(notes),
        ci_low=low if np.isfinite(low) else None,
        ci_high=high if np.isfinite(high) else None,
    )
