"""Ours stands beside controls, and what saw labels stands apart."""

import numpy as np
import pytest

from genemamba.evaluation.integration.comparison import compare_embeddings
from genemamba.evaluation.integration.controls import (
    PERFECT,
    RANDOM,
    SHUFFLED,
    shuffled_embedding,
)
from genemamba.keys import X_GENEMAMBA, X_PCA

CONTROLS = (RANDOM, PERFECT, SHUFFLED)


@pytest.fixture(scope="module")
def compared(cells):
    embeddings = {**cells["embeddings"], "X_taught": np.eye(3)[np.unique(
        cells["labels"], return_inverse=True)[1]].astype(np.float32)}  # fmt: skip
    return compare_embeddings(
        embeddings, cells["labels"], cells["batch"], seed=0, supervised={"X_taught"}
    )


def test_embeddings_that_saw_labels_have_a_table_of_their_own(compared):
    assert compared.members() == {
        "zero-shot": (X_GENEMAMBA, X_PCA, *CONTROLS),
        "label-supervised": ("X_taught", *CONTROLS),
    }
    tables, values = compared.tables(), compared.by_embedding()
    assert tables["label-supervised"]["X_taught"]["avg_bio"] == values["X_taught"]["avg_bio"]
    assert {score.embedding: score.kind for score in compared.scores}["X_taught"] == (
        "label-supervised"
    )


def test_controls_are_scored_and_keep_their_bounds(compared):
    values = compared.by_embedding()

    assert compared.notes == ()
    for control in (RANDOM, SHUFFLED):
        assert values[control]["bio_conservation"] < values[X_PCA]["bio_conservation"]
        assert values[control]["avg_bio"] < 0.4
    assert values[PERFECT]["avg_bio"] == pytest.approx(1, abs=0.01)
    assert set(values[SHUFFLED]) == set(values[X_GENEMAMBA])


def test_the_shuffled_control_is_ours_in_another_order(cells):
    ours = cells["embeddings"][X_GENEMAMBA]

    shuffled = shuffled_embedding(ours, seed=0)

    np.testing.assert_array_equal(np.sort(shuffled, axis=0), np.sort(ours, axis=0))
    assert not (shuffled == ours).all(axis=1).sum() > 5
    np.testing.assert_array_equal(shuffled, shuffled_embedding(ours, seed=0))


def test_a_summary_has_every_number_and_the_members_of_each_table(compared):
    summary = compared.summary()

    assert summary["integration"] == compared.by_embedding()
    assert summary["integration_tables"]["label-supervised"] == ["X_taught", *CONTROLS]
    assert "integration_intervals" not in summary
