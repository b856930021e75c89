"""The numbers on record for a model version, as tables: the model beside baselines and controls."""

import math
from collections.abc import Iterator, Sequence
from typing import Final

from genemamba.catalog.records import MetricRecord
from genemamba.evaluation.annotation.evaluation import OURS
from genemamba.keys import X_GENEMAMBA
from genemamba.report.genes import subject_title, value_text
from genemamba.report.model_card_data import CardCell, CardRow, CardTable
from genemamba.report.names import EMBEDDING_TITLES, METHOD_TITLES, METRIC_TITLES, embedding_title
from genemamba.report.tables import number_text

OWN: Final = ("genemamba", X_GENEMAMBA, "gene_table", "gene_states")
"""Beginnings of the names of what the model itself made."""

CONTROLS: Final = (
    "random",
    "perfect",
    "shuffled",
    "any_order",
    "copy_next",
    "copy_own",
    "majority_vote",
    "random_labels",
)
"""What is there to show what a score can tell."""

MAX_COLUMNS: Final = 5
"""Metrics that stand side by side; more of them stand below one another."""

HIGHER_IS_BETTER: Final = (
    "accuracy",
    "macro_f1",
    "bio_conservation",
    "total",
    "avg_bio",
    "pathway_auroc",
    "coexpression_spearman",
    "hidden_gene_accuracy",
    "hidden_order_accuracy",
)
"""Metrics in which a model below a baseline has to be told."""

COPIED: Final = {"named_own_token": "token", "named_next_token": "next token"}
"""Metrics that tell copying, and what is copied."""

COPIED_SHARE: Final = 0.5
"""Share of positions from which on a model is said to copy."""


def role_of(subject: str) -> str:
    """Say how a subject is to be read: ``model``, ``baseline`` or ``control``."""
    if subject.startswith(OWN):
        return "model"
    return "control" if subject in CONTROLS else "baseline"


def newest_runs(metrics: Sequence[MetricRecord]) -> list[list[MetricRecord]]:
    """Keep the newest run of each kind: the same atlas version and the same metrics.

    Parameters
    ----------
    metrics
        The oldest first.

    Returns
    -------
    Metrics by run, the oldest run first.
    """
    by_run: dict[str, list[MetricRecord]] = {}
    for metric in metrics:
        by_run.setdefault(metric.run_id, []).append(metric)
    newest: dict[tuple[str, frozenset[tuple[str, str | None]]], list[MetricRecord]] = {}
    for found in by_run.values():
        kind = frozenset((metric.name, metric.split) for metric in found)
        newest.pop((found[0].atlas_version, kind), None)
        newest[found[0].atlas_version, kind] = found
    return list(newest.values())


def score_tables(metrics: Sequence[MetricRecord]) -> tuple[CardTable, ...]:
    """Arrange what is on record for a model version, a table to each question of each run.

    Parameters
    ----------
    metrics
        Of one model version, the oldest first.

    Returns
    -------
    Metrics of one run over the same cells and subjects are one table.
    """
    return tuple(
        table for found in newest_runs(metrics) for group in _groups(found) for table in group
    )


def shortfalls(metrics: Sequence[MetricRecord]) -> Iterator[str]:
    """Say where the model is not above the best baseline of the same run.

    Parameters
    ----------
    metrics
        Of one model version, the oldest first.
    """
    for found in newest_runs(metrics):
        for name in HIGHER_IS_BETTER:
            values = {
                (m.split or m.slice, m.subject): m.value
                for m in found
                if m.name == name and math.isfinite(m.value)
            }
            for where in dict.fromkeys(where for where, _ in values):
                yield from _shortfall(
                    f"{_metric_title(name)} on {found[0].atlas_version}, {where}",
                    {subject: v for (place, subject), v in values.items() if place == where},
                )


def copying(metrics: Sequence[MetricRecord]) -> Iterator[str]:
    """Say where the model was seen to repeat what it reads.

    Parameters
    ----------
    metrics
        Of one model version, the oldest first.
    """
    for found in newest_runs(metrics):
        for metric in found:
            which = COPIED.get(metric.name)
            if which and role_of(metric.subject) == "model" and metric.value > COPIED_SHARE:
                yield (
                    f"On {metric.atlas_version} it names the {which} that it reads at"
                    f" {metric.value:.0%} of positions: its score of reconstruction is that of"
                    " copying."
                )


def _shortfall(what: str, values: dict[str, float]) -> Iterator[str]:
    ours = {name: value for name, value in values.items() if role_of(name) == "model"}
    others = {name: value for name, value in values.items() if role_of(name) == "baseline"}
    if not ours or not others:
        return
    mine, best = max(ours, key=lambda n: ours[n]), max(others, key=lambda n: others[n])
    if ours[mine] <= others[best]:
        yield (
            f"{what}: {number_text(ours[mine])} is not above {number_text(others[best])} of the"
            f" baseline {_subject_title(best)}."
        )


def _groups(found: Sequence[MetricRecord]) -> Iterator[list[CardTable]]:
    by_cells: dict[tuple[str, str | None], dict[str, dict[str, MetricRecord]]] = {}
    for metric in found:
        by_name = by_cells.setdefault((metric.slice, metric.split), {})
        by_name.setdefault(metric.name, {})[metric.subject] = metric
    for by_name in by_cells.values():
        by_subjects: dict[tuple[str, ...], list[str]] = {}
        for name, values in by_name.items():
            by_subjects.setdefault(tuple(values), []).append(name)
        yield [_table({name: by_name[name] for name in names}) for names in by_subjects.values()]


def _table(by_name: dict[str, dict[str, MetricRecord]]) -> CardTable:
    some = next(iter(by_name.values()))
    one = next(iter(some.values()))
    subjects = sorted(some, key=lambda name: ("model", "baseline", "control").index(role_of(name)))
    cells = {
        (name, subject): _cell(values[subject])
        for name, values in by_name.items()
        for subject in subjects
    }
    is_wide = len(by_name) > MAX_COLUMNS
    if is_wide:
        columns = tuple(map(_subject_title, subjects))
        rows = tuple(
            CardRow(_metric_title(name), "", tuple(cells[name, subject] for subject in subjects))
            for name in by_name
        )
    else:
        columns = tuple(map(_metric_title, by_name))
        rows = tuple(
            CardRow(
                _subject_title(subject),
                role_of(subject),
                tuple(cells[name, subject] for name in by_name),
            )
            for subject in subjects
        )
    numbers = sorted({value.n for value in some.values() if value.n is not None})
    n_cells = " to ".join(dict.fromkeys(f"{n:,}" for n in (*numbers[:1], *numbers[-1:])))
    implementations = sorted(
        {m.implementation for values in by_name.values() for m in values.values()}
    )
    parts = [one.split, one.slice, f"n = {n_cells}" if numbers else "", ", ".join(implementations)]
    return CardTable(
        title=_title(by_name, one),
        model=one.model_version or "",
        about="; ".join(filter(None, parts)),
        run_id=one.run_id,
        heading="Metric" if is_wide else "Of",
        columns=columns,
        rows=rows,
    )


def _title(by_name: dict[str, dict[str, MetricRecord]], one: MetricRecord) -> str:
    questions = {
        "total": "Integration",
        "bio_conservation": "Integration",
        "accuracy": "Annotation",
        "macro_f1": "Annotation",
        "coexpression_spearman": "Genes: co-expression",
        "pathway_auroc": "Genes: pathways",
        "reconstruction_bleu": "Genes: rank reconstruction, as published",
        "hidden_gene_accuracy": "Genes: hidden",
    }
    named = [title for name, title in questions.items() if name in by_name]
    return f"{named[0] if named else 'Scores'}, {one.atlas_version}"


def _cell(metric: MetricRecord) -> CardCell:
    low, high = metric.ci_low, metric.ci_high
    ends = () if low is None or high is None else (low, high)
    interval = " to ".join(value_text(metric.name, end) for end in ends)
    return CardCell(value_text(metric.name, metric.value), interval)


def _metric_title(name: str) -> str:
    if name.endswith("_p_value"):
        return "p"
    title = METRIC_TITLES.get(name, name.replace("_", " "))
    return title[:1].upper() + title[1:]


def _subject_title(name: str) -> str:
    if name in EMBEDDING_TITLES or name.startswith("X_"):
        return embedding_title(name)
    if name in METHOD_TITLES and name != OURS:  # which may be another head here
        return METHOD_TITLES[name]
    title = subject_title(name)
    return title[:1].upper() + title[1:]
