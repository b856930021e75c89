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
    PUBLISHED_METRICS,
    Group,
    MetricSpec,
)
from genemamba.evaluation.integration.sampling import N_DRAWS, Rows, stratified_draws
from genemamba.keys import UNKNOWN

LABELLED: Final = "labelled cells"
"""Name of the cells with an author's label."""

EVERY: Final = "all"
"""Name of all cells, as the catalog spells it."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Scope:
    """What is computed on what, and why the rest is not."""

    specs: tuple[MetricSpec, ...]
    draws: Mapping[Group, tuple[Rows, ...]]
    """Cells of the metrics of each group: all of them once, or several samples."""
    slices: Mapping[Group, str]
    """What those cells are: `LABELLED` or `EVERY`, and how they were drawn."""
    notes: tuple[str, ...]
    """A sentence for each thing that cannot be computed or was drawn."""

    @property
    def rows(self) -> Mapping[Group, Rows]:
        """Cells of each group, in the first draw; the other draws are composed alike."""
        return {group: draws[0] for group, draws in self.draws.items()}

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
        Cells per group of metrics. Where there are more, `N_DRAWS` samples share so many.
    kbet
        Ask for `KBET` too.
    """
    labelled = np.flatnonzero(labels != UNKNOWN)
    bio, bio_notes = _bio_metrics(len(np.unique(labels[labelled])))
    mixing, mixing_notes, on_labelled = _mixing_metrics(
        n_labelled_batches=len(np.unique(batch[labelled])),
        n_batches=len(np.unique(batch)),
        wanted=(*BATCH_METRICS, *((KBET,) if kbet else ()), *PUBLISHED_METRICS),
    )
    cells = {LABELLED: labelled, EVERY: np.arange(len(labels))}
    mixed = LABELLED if on_labelled else EVERY
    names: dict[Group, str] = {"bio": LABELLED, "batch": mixed, "published": mixed}
    draws = {
        name: _draw(cells[name], labels, batch, max_cells=max_cells, seed=seed)
        for name in {LABELLED, mixed}
    }
    asked = {names[spec.group] for spec in (*bio, *mixing)}
    return Scope(
        specs=(*bio, *mixing),
        draws={group: draws[name] for group, name in names.items()},
        slices={group: name + _drawn_text(draws[name]) for group, name in names.items()},
        notes=(
            *bio_notes,
            *mixing_notes,
            *(_drawn_note(name, draws[name]) for name in sorted(asked) if len(draws[name]) > 1),
        ),
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
    *others, last = (spec.name for spec in wanted if not spec.label_free)
    left_out = f"{', '.join(others)} and {last}"
    where = "lie in one batch" if n_labelled_batches else "are absent"
    note = f"Labelled cells {where}: {left_out} cannot be computed."
    return tuple(spec for spec in wanted if spec.label_free), [note], False


def _draw(
    rows: Rows,
    labels: npt.NDArray[np.str_],
    batch: npt.NDArray[np.str_],
    *,
    max_cells: int,
    seed: int,
) -> tuple[Rows, ...]:
    if len(rows) <= max_cells:
        return (rows,)
    n_cells = max_cells // N_DRAWS
    return stratified_draws(rows, labels, batch, n_cells=n_cells, n_draws=N_DRAWS, seed=seed)


def _drawn_text(draws: tuple[Rows, ...]) -> str:
    return f", {len(draws)} draws of {len(draws[0]):,}" if len(draws) > 1 else ""


def _drawn_note(name: str, draws: tuple[Rows, ...]) -> str:
    return (
        f"Scores of {name} are means of {len(draws)} draws of {len(draws[0]):,} cells, alike in "
        "types and batches; intervals tell what other draws would have given."
    )
