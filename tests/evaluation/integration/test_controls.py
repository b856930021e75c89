"""Controls are what they are said to be."""

import numpy as np
import pytest

from genemamba.evaluation.integration.controls import (
    NOISE,
    perfect_embedding,
    random_embedding,
)
from genemamba.keys import UNKNOWN


def test_the_random_control_is_standard_normal_and_repeats_itself():
    X = random_embedding(4_000, seed=0)

    assert X.shape == (4_000, 50)
    assert X.dtype == np.float32
    np.testing.assert_allclose(X.mean(axis=0), 0.0, atol=0.08)
    np.testing.assert_allclose(X.std(axis=0), 1.0, atol=0.06)
    np.testing.assert_array_equal(X, random_embedding(4_000, seed=0))


def test_the_perfect_control_puts_each_type_at_its_own_corner():
    labels = np.array(["T", "B", "T", "NK"])

    X = perfect_embedding(labels, seed=0)

    corners = np.array([[0, 0, 1], [1, 0, 0], [0, 0, 1], [0, 1, 0]])
    np.testing.assert_allclose(X, corners, atol=6 * NOISE)
    assert len(np.unique(X, axis=0)) == 4


def test_unlabelled_cells_are_dealt_to_the_corners_as_often_as_labelled_ones():
    labels = np.array(["B"] * 900 + ["T"] * 100 + [UNKNOWN] * 1_000)

    X = perfect_embedding(labels, seed=0)

    assert X.shape == (2_000, 2)
    assert np.mean(X[1_000:].argmax(axis=1) == 0) == pytest.approx(0.9, abs=0.04)


def test_without_labels_all_cells_share_a_corner():
    X = perfect_embedding([UNKNOWN] * 5, seed=0)

    np.testing.assert_allclose(X, 1.0, atol=6 * NOISE)
