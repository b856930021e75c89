"""Harmony mixes batches and keeps types, on any number of cells."""

import numpy as np
import pytest

from genemamba.evaluation.integration.harmony import harmony_embedding
from genemamba.keys import X_PCA


def test_harmony_brings_the_batches_of_a_type_together_and_keeps_types_apart(cells):
    X, labels, batch = cells["embeddings"][X_PCA], cells["labels"], cells["batch"]

    corrected = harmony_embedding(X, batch, seed=0)

    assert corrected.shape == X.shape
    assert corrected.dtype == np.float32

    def centre(Y, name, one):
        return Y[(labels == name) & (batch == one)].mean(axis=0)

    for name in np.unique(labels):
        apart = [
            np.linalg.norm(centre(Y, name, "x") - centre(Y, name, "y")) for Y in (X, corrected)
        ]
        assert apart[1] < 0.6 * apart[0]
    between = np.linalg.norm(centre(corrected, "B", "x") - centre(corrected, "T", "x"))
    assert between > 2.5


def test_equal_seeds_give_equal_embeddings_and_the_input_is_untouched(cells):
    X, batch = cells["embeddings"][X_PCA].copy(), cells["batch"]

    first = harmony_embedding(X, batch, seed=0)

    np.testing.assert_array_equal(first, harmony_embedding(X, batch, seed=0))
    np.testing.assert_array_equal(X, cells["embeddings"][X_PCA])


@pytest.mark.parametrize(
    ("n_obs", "n_dims"),
    [(2, 1), (10, 3), (20, 20), (5, 8)],
    ids=["two cells", "ten cells", "as many components", "more components"],
)
def test_few_cells_and_square_matrices_keep_their_shape(n_obs, n_dims):
    X = np.random.default_rng(0).normal(size=(n_obs, n_dims))

    corrected = harmony_embedding(X, np.arange(n_obs) % 2, seed=0)

    assert corrected.shape == (n_obs, n_dims)
    assert np.isfinite(corrected).all()
