"""One number about genes, with its interval, its null and what it stands beside."""

import math
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, get_args

from genemamba.provenance import Json

Task = Literal["coexpression", "pathways", "reconstruction", "hidden"]
"""What is asked of a model's genes."""

TASKS: Final = get_args(Task)
"""Every `Task`, in the order in which they are read."""

Role = Literal["model", "baseline", "control"]
"""A baseline is what one has without a model; a control is scored to show what a score can tell."""

ROLES: Final = get_args(Role)
"""Every `Role`, in the order in which they are read."""

CONFIDENCE_LEVEL: Final = 0.95
"""Share of bootstrap samples inside an interval."""


class Interval(NamedTuple):
    """Percentile bootstrap interval."""

    low: float
    high: float


class PermutationNull(NamedTuple):
    """What the same statistic gives with the genes' names dealt anew."""

    mean: float
    sd: float
    p_value: float
    """``(b + 1) / (n + 1)`` with b of n permutations at or above the observed value; one-sided.

    Phipson and Smyth, Stat. Appl. Genet. Mol. Biol. 9 (2010), article 39."""
    n: int
    """Permutations."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GeneScore:
    """One number about genes."""

    task: Task
    """What was asked."""
    metric: str
    """Name in the history."""
    subject: str
    """What was scored."""
    role: Role
    """How it is to be read."""
    value: float
    n: int
    """How many `unit` the number is over."""
    unit: str
    """``gene pairs``, ``cells`` or ``hidden genes``."""
    slice: str
    """Which of them."""
    implementation: str
    """Library and version that computed the number."""
    interval: Interval | None = None
    null: PermutationNull | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class GeneEvaluation:
    """All that was found of a model's genes."""

    scores: tuple[GeneScore, ...]
    """By task, the model first."""
    n_genes: int
    """Genes that were compared in pairs."""
    n_cells: int
    """Cells over which co-expression was taken."""
    gene_sets: str | None
    """Name of the file of gene sets; None where there was none."""
    notes: tuple[str, ...] = ()
    """What could not be asked, or has to be known of an answer."""

    def summary(self) -> dict[str, Json]:
        """Return the numbers by task, metric and subject."""
        found: dict[str, dict[str, dict[str, Json]]] = {}
        for score in self.scores:
            value = score.value if math.isfinite(score.value) else None
            found.setdefault(score.task, {}).setdefault(score.metric, {})[score.subject] = value
        return {
            **found,
            "n_genes": self.n_genes,
            "n_cells": self.n_cells,
            "gene_sets": self.gene_sets,
            "notes": list(self.notes),
        }
