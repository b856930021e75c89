"""Scores arranged as a reader meets them."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from genemamba.evaluation.integration.metrics import Group
from genemamba.evaluation.integration.scores import (
    CONTROL,
    SUPERVISED,
    ZERO_SHOT,
    IntegrationScore,
    IntegrationScores,
    Kind,
)
from genemamba.report.data import Annotation, Integration
from genemamba.report.names import embedding_title, metric_title

DECIMALS: Final = 3
"""As the papers print scores; the third is within the noise of most."""

NO_NUMBER: Final = "\N{EN DASH}"
"""Where a metric failed."""

GROUP_TITLES: Final[Mapping[Group, str]] = {
    "bio": "Bio conservation",
    "batch": "Batch correction",
}
"""Read apart: noise scores high on the second."""

GROUP_MEANS: Final[Mapping[Group, str]] = {"bio": "bio_conservation", "batch": "batch_correction"}
"""Aggregate that heads each group."""

TABLE_TITLES: Final[Mapping[Kind, str]] = {
    ZERO_SHOT: "Embeddings that saw no label",
    SUPERVISED: "Embeddings that learnt from labels",
}
"""Apart: an embedding that was taught the types it is scored by is no match for one that was not."""


class ScoreCell(NamedTuple):
    """One number in a table."""

    text: str
    percent: float
    """Length of the bar under it."""
    best: bool
    """Of the embeddings that are no controls."""
    note: str


class ScoreRow(NamedTuple):
    """One metric over all embeddings."""

    metric: str
    title: str
    cells: tuple[ScoreCell, ...]


class ScoreGroup(NamedTuple):
    """Metrics that ask the same question."""

    title: str
    mean: ScoreRow
    rows: tuple[ScoreRow, ...]


class ScoreColumn(NamedTuple):
    """One embedding."""

    name: str
    title: str
    is_control: bool


class ScoreTable(NamedTuple):
    """Metrics by embeddings of one kind, with the controls."""

    title: str
    columns: tuple[ScoreColumn, ...]
    groups: tuple[ScoreGroup, ...]
    total: ScoreRow | None
    published: tuple[ScoreRow, ...]
    """Averages as GeneMamba was published with, and the part that no mean above has."""


class RecordedNumber(NamedTuple):
    """One number with what made it, for the list that auditors read."""

    anchor: str
    metric: str
    subject: str
    value: float
    n: int
    implementation: str
    provenance: str
    note: str


def score_tables(integration: Integration) -> tuple[ScoreTable, ...]:
    """Arrange integration scores by group and metric, a column to each embedding.

    Parameters
    ----------
    integration
        Scores of embeddings.

    Returns
    -------
    One table for embeddings that saw no label and one for those that did, where there are any.
    """
    members = IntegrationScores(scores=integration.scores, notes=()).members()
    return tuple(
        _score_table(TABLE_TITLES[kind], names, integration.scores)
        for kind, names in members.items()
    )


def _score_table(
    title: str, names: Sequence[str], scores: Sequence[IntegrationScore]
) -> ScoreTable:
    by_metric: dict[str, dict[str, IntegrationScore]] = {}
    for score in scores:
        if score.embedding in names:
            by_metric.setdefault(score.metric, {})[score.embedding] = score
    is_control = {score.embedding: score.kind == CONTROL for score in scores}
    columns = tuple(ScoreColumn(name, embedding_title(name), is_control[name]) for name in names)
    rows = {metric: _row(metric, found, columns) for metric, found in by_metric.items()}
    group_of = {score.metric: score.group for score in scores}
    groups = [
        ScoreGroup(
            heading,
            rows[GROUP_MEANS[group]],
            tuple(rows[metric] for metric in rows if group_of[metric] == group),
        )
        for group, heading in GROUP_TITLES.items()
        if GROUP_MEANS[group] in rows
    ]
    published = tuple(rows[metric] for metric in rows if group_of[metric] == "published")
    return ScoreTable(title, columns, tuple(groups), rows.get("total"), published)


def recorded_numbers(
    integration: Integration | None, annotation: Annotation | None
) -> tuple[RecordedNumber, ...]:
    """List every score with its full value, its cells and what computed it.

    Parameters
    ----------
    integration, annotation
        What the page shows of either.

    Returns
    -------
    Sorted by metric. The first of each metric has the anchor ``number-METRIC``.
    """
    numbers = [
        *(_annotation_numbers(annotation) if annotation else ()),
        *(_integration_numbers(integration) if integration else ()),
    ]
    numbers.sort(key=lambda number: number.metric)
    seen: set[str] = set()
    anchored = []
    for number in numbers:
        is_first = number.metric not in seen
        seen.add(number.metric)
        anchored.append(number._replace(anchor=f"number-{number.metric}" if is_first else ""))
    return tuple(anchored)


def _row(
    metric: str, found: Mapping[str, IntegrationScore], columns: Sequence[ScoreColumn]
) -> ScoreRow:
    scores = [found.get(column.name) for column in columns]
    texts = [NO_NUMBER if score is None else number_text(score.value) for score in scores]
    fair = [
        round(score.value, DECIMALS)
        for score, column in zip(scores, columns, strict=True)
        if not column.is_control and score is not None and np.isfinite(score.value)
    ]
    best = number_text(max(fair)) if len(set(fair)) > 1 else None
    cells = tuple(
        ScoreCell(
            text,
            0.0 if score is None or not np.isfinite(score.value) else _percent(score.value),
            text == best and not column.is_control,
            "" if score is None else _note(score),
        )
        for text, score, column in zip(texts, scores, columns, strict=True)
    )
    return ScoreRow(metric, metric_title(metric), cells)


def _note(score: IntegrationScore) -> str:
    if score.ci_low is None or score.ci_high is None:
        return score.note
    interval = f"{number_text(score.ci_low)} to {number_text(score.ci_high)} by other draws"
    return "; ".join(filter(None, (interval, score.note)))


def number_text(value: float) -> str:
    """Print a score with `DECIMALS`, or a dash where there is none."""
    text = f"{value:.{DECIMALS}f}".replace("-", "\N{MINUS SIGN}")
    return text if np.isfinite(value) else NO_NUMBER


def _percent(value: float) -> float:
    return round(100 * min(max(value, 0.0), 1.0), 1)


def _integration_numbers(integration: Integration) -> list[RecordedNumber]:
    return [
        RecordedNumber(
            anchor="",
            metric=score.metric,
            subject=embedding_title(score.embedding),
            value=score.value,
            n=score.n,
            implementation=score.implementation,
            provenance=integration.provenance,
            note=score.note,
        )
        for score in integration.scores
    ]


def _annotation_numbers(annotation: Annotation) -> list[RecordedNumber]:
    return [
        RecordedNumber(
            anchor="",
            metric=metric,
            subject=row.method,
            value=value,
            n=row.score.n,
            implementation=row.implementation,
            provenance=annotation.provenance,
            note=f"95 % interval {interval.low:.5f} to {interval.high:.5f}",
        )
        for row in annotation.rows
        for metric, value, interval in (
            ("accuracy", row.score.accuracy, row.score.accuracy_interval),
            ("macro_f1", row.score.macro_f1, row.score.macro_f1_interval),
        )
    ]
