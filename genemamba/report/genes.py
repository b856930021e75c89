"""Scores of genes arranged as a reader meets them: a table to each question."""

import math
from collections.abc import Mapping
from typing import Final, NamedTuple

from genemamba.evaluation.genes.scores import ROLES, TASKS, GeneEvaluation, GeneScore, Task
from genemamba.report.data import Genes
from genemamba.report.names import metric_title
from genemamba.report.tables import number_text

TASK_TITLES: Final[Mapping[Task, str]] = {
    "coexpression": "Co-expression",
    "pathways": "Pathways",
    "reconstruction": "Rank reconstruction, as published",
    "hidden": "Hidden genes",
}
"""What each table is called."""

TASK_QUESTIONS: Final[Mapping[Task, str]] = {
    "coexpression": (
        "Are two genes the more alike for the model, the more their log counts go together over"
        " cells? Spearman correlation over pairs of genes; none is 0."
    ),
    "pathways": (
        "Are two genes of one gene set more alike than two that share none? Area under the ROC"
        " curve over pairs of genes; chance is 0.5."
    ),
    "reconstruction": (
        "The model reads every gene that it names, so a model that copies its input needs to know"
        " nothing: compare with the controls before believing a score. An edit distance of 0 and a"
        " BLEU of 1 are best."
    ),
    "hidden": (
        "The genes to be named are not in the input, so copying does not help. All genes that the"
        " cell does not show are candidates; for their order, the hidden ones are."
    ),
}
"""What each table asks, and how its numbers are to be read."""

SUBJECT_TITLES: Final[Mapping[str, str]] = {
    "genemamba": "GeneMamba",
    "gene_table": "GeneMamba, embedding table",
    "gene_states": "GeneMamba, mean states in cells",
    "coexpression": "Co-expression of log counts",
    "expression_level": "Nearness of mean expression",
    "copy_next": "Copies the next token",
    "copy_own": "Copies the token itself",
    "any_order": "The cell's genes in any order",
    "frequency": "Most frequent genes",
    "frequency_at_rank": "Most frequent genes at that rank",
}
"""What was scored, in the page's words."""


EDITS: Final = "reconstruction_levenshtein"
"""The one metric that counts, where the others are shares."""


class GeneCell(NamedTuple):
    """One number in a table, with what is printed under it."""

    text: str
    interval: str
    chance: str
    note: str


class GeneRow(NamedTuple):
    """One subject."""

    title: str
    role: str
    cells: tuple[GeneCell, ...]


class GeneTable(NamedTuple):
    """One task."""

    task: str
    title: str
    question: str
    columns: tuple[str, ...]
    rows: tuple[GeneRow, ...]
    about: str


class GeneSection(NamedTuple):
    """What a page shows of genes."""

    tables: tuple[GeneTable, ...]
    notes: tuple[str, ...]
    gene_sets: str
    n_genes: int
    n_cells: int
    provenance: str


def gene_section(genes: Genes) -> GeneSection:
    """Arrange the scores of genes by task, the model first.

    Parameters
    ----------
    genes
        What the page shows of them.
    """
    evaluation = genes.evaluation
    tables = [_table(task, evaluation) for task in TASKS]
    return GeneSection(
        tables=tuple(table for table in tables if table.rows),
        notes=evaluation.notes,
        gene_sets=evaluation.gene_sets or "",
        n_genes=evaluation.n_genes,
        n_cells=evaluation.n_cells,
        provenance=genes.provenance,
    )


def subject_title(name: str) -> str:
    """Print what was scored."""
    return SUBJECT_TITLES.get(name, name.replace("_", " "))


def value_text(metric: str, value: float) -> str:
    """Print a share with three decimals, and a number of edits with one.

    Parameters
    ----------
    metric
        Name in the history.
    value
        Its value.
    """
    if metric == EDITS and math.isfinite(value):
        return f"{value:,.1f}"
    return number_text(value)


def _table(task: Task, evaluation: GeneEvaluation) -> GeneTable:
    scores = [score for score in evaluation.scores if score.task == task]
    metrics = tuple(dict.fromkeys(score.metric for score in scores))
    subjects = {score.subject: score.role for score in scores}
    found = {(score.subject, score.metric): score for score in scores}
    ordered = sorted(subjects, key=lambda name: ROLES.index(subjects[name]))
    return GeneTable(
        task=task,
        title=TASK_TITLES[task],
        question=TASK_QUESTIONS[task],
        columns=tuple(map(metric_title, metrics)),
        rows=tuple(
            GeneRow(
                subject_title(name),
                subjects[name],
                tuple(_cell(found[name, metric]) for metric in metrics),
            )
            for name in ordered
        ),
        about=f"{scores[0].n:,} {scores[0].unit}; {scores[0].slice}" if scores else "",
    )


def _cell(score: GeneScore) -> GeneCell:
    chance = ""
    if score.null:
        by_chance = value_text(score.metric, score.null.mean)
        chance = f"p {score.null.p_value:.3f}, by chance {by_chance}"
    note = f"{score.value!r}, {score.implementation}"
    interval = " to ".join(value_text(score.metric, end) for end in score.interval or ())
    return GeneCell(value_text(score.metric, score.value), interval, chance, note)
