"""Pictures repeat themselves, and neighbours stay neighbours."""

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from genemamba.evaluation.umap import umap_coordinates


def blobs(n_per_type=60):
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(4), n_per_type)
    return rng.normal(0, 6, (4, 20))[labels] + rng.normal(0, 1, (len(labels), 20)), labels


def test_equal_seeds_give_equal_coordinates():
    X, _ = blobs()

    first, again, other = (umap_coordinates(X, seed=seed) for seed in (0, 0, 1))

    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_cells_of_one_type_lie_together():
    X, labels = blobs()

    coordinates = umap_coordinates(X, seed=0)

    assert coordinates.shape == (240, 2)
    assert KNeighborsClassifier(5).fit(coordinates, labels).score(coordinates, labels) == 1.0


@pytest.mark.parametrize("n_obs", [0, 1, 3, 4, 8], ids="{} cells".format)
def test_even_a_handful_of_cells_is_laid_out(n_obs):
    X, _ = blobs()

    coordinates = umap_coordinates(X[:n_obs], seed=0)

    assert coordinates.shape == (n_obs, 2)
    assert np.isfinite(coordinates).all()


def test_cells_that_are_all_alike_lie_on_a_line():
    layout = umap_coordinates(np.zeros((6, 1)), seed=0)

    assert layout.tolist() == [[float(row), 0.0] for row in range(6)]


def test_one_dimension_can_be_laid_out():
    layout = umap_coordinates(np.linspace(0, 1, 10)[:, None], seed=0)

    assert layout.shape == (10, 2)
    assert np.isfinite(layout).all()
