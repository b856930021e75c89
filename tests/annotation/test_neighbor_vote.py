"""Neighbours vote as scikit-learn's would, and no label is impossible."""

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from genemamba.annotation.head import probabilities
from genemamba.annotation.neighbor_vote import fit_neighbors, vote_weights
from genemamba.errors import SchemaError
from genemamba.keys import UNKNOWN
from tests.annotation.blobs import blobs


def directions(X, mean):
    return (X - mean) / np.linalg.norm(X - mean, axis=1, keepdims=True)


@pytest.mark.parametrize("k", [1, 10], ids=["one neighbour", "ten neighbours"])
def test_probabilities_are_the_votes_of_scikit_learn_with_one_vote_shared_by_all(k):
    X, labels = blobs(4, spread=4.0)
    new = blobs(4, spread=4.0, seed=1)[0]
    mean = X.astype(np.float64).mean(axis=0)
    oracle = KNeighborsClassifier(k, weights=vote_weights, algorithm="brute")
    oracle.fit(directions(X.astype(np.float64), mean), labels)
    votes = oracle.predict_proba(directions(new.astype(np.float64), mean))

    head = fit_neighbors(X, labels, seed=0, k=k)

    assert head.classes == tuple(oracle.classes_)
    np.testing.assert_allclose(
        probabilities(head, new), (k * votes + 1 / 4) / (k + 1), rtol=0, atol=1e-6
    )


def test_weights_fall_with_the_distance_in_units_of_the_farthest():
    weights = vote_weights(np.array([[0.0, 1.0, 2.0], [0.0, 0.0, 0.0]]))

    np.testing.assert_allclose(weights, [[1, np.exp(-0.25), np.exp(-1)], [1, 1, 1]])


def test_cells_labelled_unknown_do_not_vote():
    X, labels = blobs(3)
    hidden = np.where(np.arange(len(labels)) % 2, labels, UNKNOWN)

    head = fit_neighbors(X, hidden, seed=0)

    assert head.classes == ("type 0", "type 1", "type 2")
    assert len(head.reference) == len(labels) // 2


def test_cells_far_away_and_at_the_very_centre_have_finite_logits():
    X, labels = blobs(3)
    head = fit_neighbors(X, labels, seed=0)

    logits = head.logits(np.vstack([X * 1e6, head.mean]))

    assert np.isfinite(logits).all()
    np.testing.assert_allclose(np.exp(logits).sum(axis=1), 1)


def test_equal_seeds_draw_equal_voters():
    X, labels = blobs(2, n_per_type=60)

    one, same, other = (
        fit_neighbors(X, labels, seed=seed, max_cells_per_type=20) for seed in (3, 3, 4)
    )

    np.testing.assert_array_equal(one.reference, same.reference)
    assert not np.array_equal(one.reference, other.reference)
    assert np.bincount(one.codes).tolist() == [20, 20]


def test_with_fewer_cells_than_voters_all_vote():
    X, labels = blobs(2, n_per_type=2)

    assert fit_neighbors(X, labels, seed=0).k == 4


def test_one_type_is_refused():
    with pytest.raises(SchemaError, match="two or more types, found only 'B cell'"):
        fit_neighbors(np.zeros((2, 2)), ["B cell", UNKNOWN], seed=0)
