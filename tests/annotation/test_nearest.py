"""The nearest cells are those of an exhaustive search, whoever comes along."""

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from genemamba.annotation.nearest import CELLS_PER_BLOCK, nearest

RNG = np.random.default_rng(0)
REFERENCE = RNG.normal(size=(300, 7)).astype(np.float32)
X = RNG.normal(size=(CELLS_PER_BLOCK + 20, 7)).astype(np.float32)


def test_neighbours_and_distances_are_those_of_scikit_learn():
    oracle = NearestNeighbors(n_neighbors=9, algorithm="brute").fit(REFERENCE.astype(np.float64))
    distances, rows = oracle.kneighbors(X.astype(np.float64))

    found = nearest(REFERENCE, X, k=9)

    np.testing.assert_array_equal(found.rows, rows)
    np.testing.assert_allclose(found.distances, distances, rtol=1e-7)


def test_a_cell_alone_has_the_neighbours_that_it_has_among_others():
    together = nearest(REFERENCE, X, k=5)

    for row in range(0, len(X), 97):
        alone = nearest(REFERENCE, X[[row]], k=5)
        assert alone.rows[0].tolist() == together.rows[row].tolist()
        assert alone.distances[0].tolist() == together.distances[row].tolist()


@pytest.mark.parametrize("k", [3, 10], ids=["as many", "fewer"])
def test_where_there_are_fewer_cells_all_are_neighbours(k):
    found = nearest(REFERENCE[:3], X[:4], k=k)

    assert np.sort(found.rows).tolist() == [[0, 1, 2]] * 4


def test_cells_equally_near_come_in_the_order_of_the_reference():
    copies = np.repeat(REFERENCE[:2], 3, axis=0)

    found = nearest(copies, REFERENCE[[1]], k=6)

    assert found.rows.tolist() == [[3, 4, 5, 0, 1, 2]]
    assert found.distances[0, :3].tolist() == [0, 0, 0]
