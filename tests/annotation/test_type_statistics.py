"""What is kept of labelled cells is their counts, means and second moments, whatever the order."""

import numpy as np
import pytest

from genemamba.annotation.type_statistics import TypeStatistics, type_statistics


def cells(n, *, seed):
    rng = np.random.default_rng(seed)
    return rng.normal(3, 2, (n, 4)).astype(np.float32)


def test_statistics_are_those_of_numpy_on_standardised_cells():
    X, labels = cells(30, seed=0), np.array(["b"] * 10 + ["a"] * 20, dtype=object)
    X[:, 3] = 7.0  # a dimension without variance must not divide by zero

    found = type_statistics(X, labels)

    Z = (X - X.astype(float).mean(axis=0)) / np.where(X.std(axis=0) > 0, X.astype(float).std(0), 1)
    assert (found.classes, found.counts.tolist()) == (("a", "b"), [20, 10])
    np.testing.assert_allclose(found.scaled(X), Z, atol=1e-12)
    np.testing.assert_allclose(found.centres, [Z[10:].mean(axis=0), Z[:10].mean(axis=0)])
    moments = [np.mean([np.outer(z, z) for z in part], axis=0) for part in (Z[10:], Z[:10])]
    np.testing.assert_allclose(found.moment, moments[0] + moments[1])


def test_types_added_in_turn_give_the_statistics_of_types_added_at_once():
    X, labels = cells(40, seed=1), np.repeat(["a", "b", "c", "d"], 10).astype(object)
    old = type_statistics(X[:20], labels[:20])

    at_once = old.with_types(X[20:], labels[20:])
    in_turn = old.with_types(X[20:30], labels[20:30]).with_types(X[30:], labels[30:])

    assert in_turn.classes == at_once.classes == ("a", "b", "c", "d")
    np.testing.assert_allclose(in_turn.moment, at_once.moment)
    np.testing.assert_array_equal(in_turn.centres, at_once.centres)
    np.testing.assert_array_equal(in_turn.mean, old.mean)


def test_a_type_is_learnt_once():
    old = type_statistics(cells(10, seed=0), ["a", "b"] * 5)

    with pytest.raises(ValueError, match=r"found \['b'\] among those learnt before"):
        old.with_types(cells(5, seed=1), ["b"] * 5)


def test_statistics_come_back_as_they_were_kept():
    kept = type_statistics(cells(10, seed=0), ["a", "b"] * 5)

    found = TypeStatistics.from_uns(kept.to_uns())

    assert found.classes == kept.classes
    for name in ("counts", "mean", "scale", "centres", "moment"):
        np.testing.assert_array_equal(getattr(found, name), getattr(kept, name))
