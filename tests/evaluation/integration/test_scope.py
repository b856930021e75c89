"""What is asked of which cells follows from where the labels lie."""

import numpy as np
import pytest

from genemamba.evaluation.integration.metrics import BATCH_METRICS, BIO_METRICS, KBET
from genemamba.evaluation.integration.scope import choose_scope
from genemamba.keys import UNKNOWN

LABELS = np.array(["B", "T", UNKNOWN, "B", "T", UNKNOWN])
BATCH = np.array(["x", "x", "x", "y", "y", "z"])


def scope_of(labels=LABELS, batch=BATCH, *, seed=0, max_cells=100, kbet=False):
    return choose_scope(labels, batch, seed=seed, max_cells=max_cells, kbet=kbet)


def test_labels_in_two_batches_allow_every_metric_on_the_labelled_cells():
    scope = scope_of()

    assert scope.specs == (*BIO_METRICS, *BATCH_METRICS)
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
        "Labelled cells lie in one batch: bras and graph_connectivity and kbet_per_label "
        "cannot be computed.",
    )


@pytest.mark.parametrize("max_cells", [40, 60], ids="at most {}".format)
def test_cells_above_the_maximum_are_drawn_by_the_seed(max_cells):
    labels = np.where(np.arange(150) < 100, np.tile(["B", "T"], 75), UNKNOWN)
    batch = np.tile(["x", "x", "y"], 50)

    first, again, other = (
        scope_of(labels, batch, seed=seed, max_cells=max_cells) for seed in (0, 0, 1)
    )

    rows = first.rows["bio"]
    assert len(set(rows)) == max_cells
    assert rows.tolist() == sorted(rows)
    assert rows.max() < 100
    assert rows.tolist() == again.rows["bio"].tolist() != other.rows["bio"].tolist()
    assert first.notes == (f"{max_cells} cells were drawn for each group of metrics.",)


def test_a_metric_that_is_not_there_is_left_out_without_a_note():
    scope = scope_of(batch=np.full(6, "x"))

    assert scope.without("pcr_comparison", "no reason") is scope
