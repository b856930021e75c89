"""What is asked of which cells follows from where the labels lie."""

import numpy as np

from genemamba.evaluation.integration.metrics import (
    BATCH_METRICS,
    BIO_METRICS,
    KBET,
    PUBLISHED_METRICS,
)
from genemamba.evaluation.integration.scope import choose_scope
from genemamba.keys import UNKNOWN

LABELS = np.array(["B", "T", UNKNOWN, "B", "T", UNKNOWN])
BATCH = np.array(["x", "x", "x", "y", "y", "z"])


def scope_of(labels=LABELS, batch=BATCH, *, seed=0, max_cells=100, kbet=False):
    return choose_scope(labels, batch, seed=seed, max_cells=max_cells, kbet=kbet)


def test_labels_in_two_batches_allow_every_metric_on_the_labelled_cells():
    scope = scope_of()

    assert scope.specs == (*BIO_METRICS, *BATCH_METRICS, *PUBLISHED_METRICS)
    assert scope.rows["bio"].tolist() == scope.rows["batch"].tolist() == [0, 1, 3, 4]
    assert scope.notes == ()


def test_kbet_is_asked_on_demand():
    assert KBET in scope_of(kbet=True).specs
    assert KBET not in scope_of(kbet=False).specs


def test_labels_in_one_batch_put_mixing_to_all_cells():
    scope = scope_of(labels=np.where(BATCH == "x", LABELS, UNKNOWN), kbet=True)

    assert [spec.name for spec in scope.specs[len(BIO_METRICS) :]] == [
        "ilisi_knn",
        "pcr_comparison",
    ]
    assert scope.rows["bio"].tolist() == [0, 1]
    assert scope.rows["batch"].tolist() == [0, 1, 2, 3, 4, 5]
    assert scope.notes == (
        "Labelled cells lie in one batch: bras, graph_connectivity, kbet_per_label and "
        "silhouette_batch cannot be computed.",
    )


def test_cells_above_the_maximum_are_drawn_five_times_by_the_seed():
    labels = np.where(np.arange(150) < 100, np.tile(["B", "T"], 75), UNKNOWN)
    batch = np.tile(["x", "x", "y"], 50)

    first, again, other = (scope_of(labels, batch, seed=seed, max_cells=60) for seed in (0, 0, 1))

    draws = first.draws["bio"]
    assert [len(rows) for rows in draws] == [12] * 5
    assert all(rows.max() < 100 for rows in draws)
    assert first.rows["bio"] is draws[0]
    assert draws is first.draws["batch"] is first.draws["published"]
    tell = [[rows.tolist() for rows in scope.draws["bio"]] for scope in (first, again, other)]
    assert tell[0] == tell[1] != tell[2]
    assert first.slices["bio"] == "labelled cells, 5 draws of 12"
    assert first.notes == (
        "Scores of labelled cells are means of 5 draws of 12 cells, alike in types and batches; "
        "intervals tell what other draws would have given.",
    )


def test_only_the_group_that_has_too_many_cells_is_drawn():
    labels = np.where(np.arange(150) < 40, np.tile(["B", "T"], 75), UNKNOWN)
    batch = np.where(np.arange(150) < 40, "x", np.tile(["x", "y"], 75))

    scope = scope_of(labels, batch, max_cells=60)

    assert [len(rows) for rows in scope.draws["bio"]] == [40]
    assert [len(rows) for rows in scope.draws["batch"]] == [12] * 5
    assert dict(scope.slices) == {
        "bio": "labelled cells",
        "batch": "all, 5 draws of 12",
        "published": "all, 5 draws of 12",
    }


def test_a_metric_that_is_not_there_is_left_out_without_a_note():
    scope = scope_of(batch=np.full(6, "x"))

    assert scope.without("pcr_comparison", "no reason") is scope
