"""Which integration metrics can be asked of a set of cells, and of which of its cells."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from genemamba.evaluation.integration.metrics import (
    BATCH_METRICS,
    BIO_METRICS,
    KBET,
    Group,
    MetricSpec,
)
from genemamba.keys import UNKNOWN

LABELLED: Final = "labelled cells"
"""Name of the cells with an author's label."""

EVERY: Final = "all"
"""Name of all cells, as the catalog spells it."""

Rows = npt.NDArray[np.intp]
"""Positions of cells, ascending."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Scope:
    """What is computed on what, and why the rest is not."""

    specs: tuple[MetricSpec, ...]
    rows: Mapping[Group, Rows]
    """Cells of the metrics of each group."""
    slices: Mapping[Group, str]
    """What those cells are, or were drawn from: `LABELLED` or `EVERY`."""
    notes: tuple[str, ...]
    """A sentence for each thing that cannot be computed or was drawn."""

    def without(self, name: str, reason: str) -> "Scope":
        """Leave a metric out, if it is there, and say why."""
        specs = tuple(spec for spec in self.specs if spec.name != name)
        if len(specs) == len(self.specs):
            return self
        return replace(self, specs=specs, notes=(*self.notes, f"{name} is left out: {reason}."))


def choose_scope(
    labels: npt.NDArray[np.str_],
    batch: npt.NDArray[np.str_],
    *,
    seed: int,
    max_cells: int,
    kbet: bool,
) -> Scope:
    """Choose metrics and cells by where the labels lie.

    Parameters
    ----------
    labels
        Label of each cell, `UNKNOWN` where there is none, shape ``(n_obs,)``.
    batch
        Experimental batch of each cell, shape ``(n_obs,)``.
    seed
        Draws the cells where there are more than ``max_cells``.
    max_cells
        Cells per group of metrics.
    kbet
        Ask for `KBET` too.
    """
    labelled = np.flatnonzero(labels != UNKNOWN)
    bio, bio_notes = _bio_metrics(len(np.unique(labels[labelled])))
    mixing, mixing_notes, on_labelled = _mixing_metrics(
        n_labelled_batches=len(np.unique(batch[labelled])),
        n_batches=len(np.unique(batch)),
        wanted=(*BATCH_METRICS, KBET) if kbet else BATCH_METRICS,
    )
    mixed = labelled if on_labelled else np.arange(len(labels))
    notes = [*bio_notes, *mixing_notes]
    if (bio and len(labelled) > max_cells) or (mixing and len(mixed) > max_cells):
        notes.append(f"{max_cells:,} cells were drawn for each group of metrics.")
    return Scope(
        specs=(*bio, *mixing),
        rows={"bio": _draw(labelled, max_cells, seed), "batch": _draw(mixed, max_cells, seed)},
        slices={"bio": LABELLED, "batch": LABELLED if on_labelled else EVERY},
        notes=tuple(notes),
    )


def _bio_metrics(n_types: int) -> tuple[tuple[MetricSpec, ...], list[str]]:
    if n_types > 1:
        return BIO_METRICS, []
    return (), ["Bio conservation needs labelled cells of two or more types."]


def _mixing_metrics(
    *, n_labelled_batches: int, n_batches: int, wanted: tuple[MetricSpec, ...]
) -> tuple[tuple[MetricSpec, ...], list[str], bool]:
    """Return metrics, notes, and whether they are asked of the labelled cells alone."""
    if n_batches < 2:
        return (), ["There is one batch: batch correction cannot be computed."], False
    if n_labelled_batches > 1:
        return wanted, [], True
    left_out = " and ".join(spec.name for spec in wanted if not spec.label_free)
    where = "lie in one batch" if n_labelled_batches else "are absent"
    note = f"Labelled cells {where}: {left_out} cannot be computed."
    return tuple(spec for spec in wanted if spec.label_free), [note], False


def _draw(rows: Rows, max_cells: int, seed: int) -> Rows:
    if len(rows) <= max_cells:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, max_cells, replace=False))
