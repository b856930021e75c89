"""What a sound metric gives the controls, and which metric of a run broke that."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from genemamba.evaluation.integration.controls import PERFECT, RANDOM, SHUFFLED
from genemamba.evaluation.integration.metrics import Group
from genemamba.evaluation.integration.scores import IntegrationScore
from genemamba.keys import UNKNOWN

MIN_CELLS: Final = 100
"""Below, chance moves every metric further than a bound allows."""

MIN_PER_TYPE: Final = 5
"""Silhouettes of a smaller type are chance."""

MEAN_PER_TYPE: Final = 30
"""Effective neighbours of LISI: smaller types see each other however far apart, and NMI, which is
not corrected for chance, grows with the number of types among few cells."""

MIN_TYPE_SHARE: Final = 0.15
"""15 neighbours drawn at random then hold two or more cells of each type: it hangs together."""

MAX_ASSOCIATION: Final = 0.2
"""Cramer's V of types and batches, from which on a perfect embedding cannot mix batches."""


class Composition(NamedTuple):
    """What decides which bounds a set of cells must keep."""

    types: npt.NDArray[np.int64]
    """Cells of each type; `UNKNOWN` is none."""
    batches: npt.NDArray[np.int64]
    """Cells of each batch."""
    association: float
    """Cramer's V of types and batches in [0, 1], NaN where either is one."""


class Bound(NamedTuple):
    """Limits of one control's score where the cells are of the right composition."""

    at_least: float
    at_most: float
    applies: Callable[[Composition], bool]


class ControlBounds(NamedTuple):
    """Limits of the controls."""

    random: Bound
    """Of `RANDOM`, and of `SHUFFLED` but for `SHUFFLED_BOUNDS`."""
    perfect: Bound


def _sized(cells: Composition) -> bool:
    """Say whether there are many cells, and many of each type."""
    enough = cells.batches.sum() >= MIN_CELLS and len(cells.types) > 1
    return bool(
        enough and cells.types.min() >= MIN_PER_TYPE and cells.types.mean() >= MEAN_PER_TYPE
    )


def _even_types(cells: Composition) -> bool:
    return _sized(cells) and bool((cells.types >= MIN_TYPE_SHARE * cells.batches.sum()).all())


def _even_batches(cells: Composition) -> bool:
    """Say whether every batch has half an even share of the cells or more."""
    return bool(
        cells.batches.sum() >= MIN_CELLS and (cells.batches >= cells.batches.mean() / 2).all()
    )


def _balanced(cells: Composition) -> bool:
    return _sized(cells) and _even_batches(cells) and cells.association <= MAX_ASSOCIATION


CONTROL_BOUNDS: Final[Mapping[str, ControlBounds]] = {
    "isolated_labels": ControlBounds(Bound(0.0, 0.56, _sized), Bound(0.95, 1.0, _sized)),
    "nmi_ari_cluster_labels_leiden_nmi": ControlBounds(
        Bound(-0.1, 0.35, _sized), Bound(0.80, 1.0, _even_types)
    ),
    "nmi_ari_cluster_labels_leiden_ari": ControlBounds(
        Bound(-0.1, 0.15, _sized), Bound(0.60, 1.0, _even_types)
    ),
    "nmi_ari_cluster_labels_kmeans_nmi": ControlBounds(
        Bound(-0.1, 0.35, _sized), Bound(0.80, 1.0, _sized)
    ),
    "nmi_ari_cluster_labels_kmeans_ari": ControlBounds(
        Bound(-0.1, 0.15, _sized), Bound(0.50, 1.0, _sized)
    ),
    "silhouette_label": ControlBounds(Bound(0.0, 0.55, _sized), Bound(0.95, 1.0, _sized)),
    "clisi_knn": ControlBounds(Bound(0.0, 0.90, _sized), Bound(0.95, 1.0, _sized)),
    "bras": ControlBounds(Bound(0.80, 1.0, _sized), Bound(0.75, 1.0, _sized)),
    "ilisi_knn": ControlBounds(Bound(0.25, 1.0, _even_batches), Bound(0.25, 1.0, _balanced)),
    "kbet_per_label": ControlBounds(Bound(0.50, 1.0, _balanced), Bound(0.20, 1.0, _balanced)),
    "graph_connectivity": ControlBounds(Bound(0.80, 1.0, _even_types), Bound(0.90, 1.0, _sized)),
    "silhouette_batch": ControlBounds(Bound(0.80, 1.0, _sized), Bound(0.75, 1.0, _sized)),
    "pcr_comparison": ControlBounds(Bound(0.80, 1.0, _balanced), Bound(0.80, 1.0, _balanced)),
}
"""Bounds of each metric, all metrics better when higher.

Batch metrics cannot tell noise from integration: the random control must score high there, which is
why they are read apart from bio conservation. Random neighbours hold a type together as soon as
more than one of them is of it, and mix batches as far as their sizes allow; the perfect control
mixes them as far as their composition allows. Leiden cuts up a type that holds most cells, and
k-means, started once, can leave two of its centres in one type."""

NEEDS_A_BATCH_EFFECT: Final = "pcr_comparison"
"""Relative to the state before: where that holds no batch effect, nothing can be removed and its
controls score anything. No composition tells, so no run is judged by it."""

SHUFFLED_BOUNDS: Final[Mapping[str, Bound | None]] = {
    "isolated_labels": Bound(0.0, 0.65, _sized),
    "graph_connectivity": None,
}
"""Where the shape of our embedding decides what its shuffled copy scores. The isolated type may have
`MIN_PER_TYPE` cells, which chance puts side by side; and a shuffled type is spread over all clumps
of an embedding, which nothing connects."""


def composition(labels: npt.NDArray[np.str_], batch: npt.NDArray[np.str_]) -> Composition:
    """Count types and batches, and how far one tells the other.

    Parameters
    ----------
    labels
        Label of each cell, `UNKNOWN` where there is none, shape ``(n_obs,)``.
    batch
        Experimental batch of each cell, shape ``(n_obs,)``.
    """
    batches, batch_of = np.unique(batch, return_inverse=True)
    types, type_of = np.unique(labels, return_inverse=True)
    table = np.zeros((len(types), len(batches)), dtype=np.int64)
    np.add.at(table, (type_of, batch_of), 1)
    known = table[types != UNKNOWN]
    return Composition(known.sum(axis=1), table.sum(axis=0), _cramers_v(known))


def _cramers_v(table: npt.NDArray[np.int64]) -> float:
    """Return sqrt(chi2 / n / (min(shape) - 1)), Cramer 1946, of a table without empty lines."""
    table = table[:, table.sum(axis=0) > 0]
    if min(table.shape) < 2:
        return float("nan")
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    chi2 = ((table - expected) ** 2 / expected).sum()
    return float(np.sqrt(chi2 / table.sum() / (min(table.shape) - 1)))


def broken_bounds(
    scores: Iterable[IntegrationScore],
    labels: npt.NDArray[np.str_],
    batch: npt.NDArray[np.str_],
    rows: Mapping[Group, npt.NDArray[np.intp]],
) -> tuple[str, ...]:
    """Name the metrics that gave a control what a sound metric cannot.

    Parameters
    ----------
    scores
        Of any embeddings; those of `RANDOM`, `SHUFFLED` and `PERFECT` are judged.
    labels, batch
        As for `composition`, of all cells.
    rows
        Cells that each group of metrics was computed on.

    Returns
    -------
    A sentence for each broken bound that applies to the cells. None where a metric failed.
    """
    cells = {group: composition(labels[kept], batch[kept]) for group, kept in rows.items()}
    return tuple(
        f"{score.metric} gives the {score.embedding} control {score.value:.3f}, where "
        f"{bound.at_least:g} to {bound.at_most:g} is sound: do not trust it here."
        for score in scores
        if (bound := _bound_of(score)) is not None
        if np.isfinite(score.value) and bound.applies(cells[score.group])
        if not bound.at_least <= score.value <= bound.at_most
    )


def _bound_of(score: IntegrationScore) -> Bound | None:
    bounds = CONTROL_BOUNDS.get(score.metric)
    if bounds is None or score.metric == NEEDS_A_BATCH_EFFECT:
        return None
    shuffled = SHUFFLED_BOUNDS.get(score.metric, bounds.random)
    of_controls = {RANDOM: bounds.random, SHUFFLED: shuffled, PERFECT: bounds.perfect}
    return of_controls.get(score.embedding)
