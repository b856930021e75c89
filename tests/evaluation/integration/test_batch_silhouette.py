"""The silhouette of batches is scIB's, in three independent ways."""

import numpy as np
import pytest
import scib_metrics

from genemamba.evaluation.integration.batch_silhouette import batch_silhouette


def test_four_cells_on_a_line_give_what_a_pencil_gives():
    """Batch x lies at 0 and 1, batch y at 3 and 4; silhouettes are 1 - 1/3.5 and 1 - 1/2.5."""
    X = np.array([[0.0], [1.0], [3.0], [4.0]])

    found = batch_silhouette(X, np.full(4, "B"), np.array(["x", "x", "y", "y"]))

    assert found == pytest.approx(1 - (2 * (1 - 1 / 3.5) + 2 * (1 - 1 / 2.5)) / 4)


def test_it_equals_that_of_scib_metrics(cells):
    (X, *_), labels = cells["embeddings"].values(), cells["labels"].astype(str)
    batch = cells["batch"].astype(str)

    expected = scib_metrics.silhouette_batch(X, labels, batch)

    assert batch_silhouette(X, labels, batch) == pytest.approx(expected, abs=1e-6)


def test_types_weigh_alike_and_types_of_one_batch_do_not_count():
    X = np.array([[0.0], [1.0], [3.0], [4.0], [9.0], [9.5], [9.0], [9.5], [9.0], [9.5]])
    labels = np.repeat(["B", "T"], [4, 6])
    batch = np.array(["x", "x", "y", "y", "x", "x", "x", "y", "y", "y"])

    both = batch_silhouette(X, labels, batch)

    of_b, of_t = (batch_silhouette(X[r], labels[r], batch[r]) for r in (slice(4), slice(4, 10)))
    assert both == pytest.approx((of_b + of_t) / 2)
    one_batch = np.where(labels == "T", "x", batch)
    assert batch_silhouette(X, labels, one_batch) == pytest.approx(of_b)


def test_types_without_two_batches_are_refused():
    with pytest.raises(ValueError, match="No type has two or more batches"):
        batch_silhouette(np.zeros((3, 1)), np.array(["B", "B", "T"]), np.array(["x", "y", "x"]))
