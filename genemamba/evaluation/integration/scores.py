"""Integration scores as values: one number each, and the tables that a reader compares them in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from genemamba.evaluation.integration.metrics import Group
from genemamba.provenance import Json, finite_or_none

Kind = Literal["zero-shot", "label-supervised", "control"]
"""Whether labels shaped an embedding. One that saw them is no match for one that did not: the two
are compared in separate tables, with the controls in both."""

ZERO_SHOT: Final[Kind] = "zero-shot"
SUPERVISED: Final[Kind] = "label-supervised"
CONTROL: Final[Kind] = "control"

TABLES: Final[tuple[Kind, ...]] = (ZERO_SHOT, SUPERVISED)
"""Tables, in the order they are shown."""

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
    """In [0, 1], higher is better; NaN where the metric failed. Of several draws the mean."""
    group: Group
    n: int
    """Cells it was computed on, in each draw."""
    implementation: str
    """Library and version that computed it: scores of another one must not be compared."""
    slice: str = ""
    """Which cells, and for an aggregate also which metrics: unlike ones must not be compared."""
    note: str = ""
    """Warning or error of the metric, or what an aggregate lacks."""
    kind: Kind = ZERO_SHOT
    """Whether the embedding saw labels."""
    ci_low: float | None = None
    """Lower end of the 95 % interval of what drawing cells changes; None where all were scored."""
    ci_high: float | None = None
    """Its upper end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class IntegrationScores:
    """All numbers, and what could not be asked."""

    scores: tuple[IntegrationScore, ...]
    """By embedding, then metric; the aggregates last."""
    notes: tuple[str, ...]
    """Why metrics are absent or cells were drawn."""

    def by_embedding(self) -> dict[str, dict[str, float]]:
        """Return the value of each metric of each embedding."""
        values: dict[str, dict[str, float]] = {}
        for score in self.scores:
            values.setdefault(score.embedding, {})[score.metric] = score.value
        return values

    def members(self) -> dict[Kind, tuple[str, ...]]:
        """Return the embeddings of each table, controls last; no table of controls alone."""
        kinds = {score.embedding: score.kind for score in self.scores}
        controls = tuple(name for name, kind in kinds.items() if kind == CONTROL)
        tables = {}
        for table in TABLES:
            if own := tuple(name for name, kind in kinds.items() if kind == table):
                tables[table] = (*own, *controls)
        return tables

    def tables(self) -> dict[Kind, dict[str, dict[str, float]]]:
        """Return the values of `members`, table by table."""
        values = self.by_embedding()
        return {
            table: {name: values[name] for name in names} for table, names in self.members().items()
        }

    def summary(self) -> dict[str, Json]:
        """Return values by embedding, which embeddings each table holds, and intervals if any."""
        intervals: dict[str, dict[str, Json]] = {}
        for score in self.scores:
            if score.ci_low is not None:
                ends = [score.ci_low, score.ci_high]
                intervals.setdefault(score.embedding, {})[score.metric] = ends
        return {
            "integration": {
                name: {metric: finite_or_none(value) for metric, value in values.items()}
                for name, values in self.by_embedding().items()
            },
            "integration_tables": {kind: list(names) for kind, names in self.members().items()},
            **({"integration_intervals": intervals} if intervals else {}),
        }
