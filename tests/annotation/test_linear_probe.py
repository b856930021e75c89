"""A probe learns from labels alone, says how sure it is, and repeats itself."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from genemamba.annotation.head import transfer
from genemamba.annotation.labelled_cells import can_learn_from, check_learnable
from genemamba.annotation.linear_probe import INVERSE_REGULARISATION, fit_probe
from genemamba.errors import SchemaError
from genemamba.keys import UNKNOWN


def blobs(n_types, *, n_per_type=40, spread=1.0, seed=0):
    rng = np.random.default_rng(seed)
    centres = rng.normal(0, 3, (n_types, 6))
    labels = np.repeat([f"type {i}" for i in range(n_types)], n_per_type).astype(object)
    X = np.repeat(centres, n_per_type, axis=0) + rng.normal(0, spread, (len(labels), 6))
    X[:, 5] = 7.0  # a dimension without variance must not divide by zero
    return X.astype(np.float32), labels


@pytest.mark.parametrize("n_types", [2, 4], ids=["two types", "four types"])
def test_probabilities_are_those_of_scikit_learn(n_types):
    X, labels = blobs(n_types, spread=3.0)
    oracle = make_pipeline(
        StandardScaler(), LogisticRegression(C=INVERSE_REGULARISATION, max_iter=2_000)
    )
    oracle.fit(X.astype(np.float64), labels.astype(str))

    found = transfer(fit_probe(X, labels, seed=0), X, threshold=0.0)

    assert found.classes == tuple(oracle.classes_)
    np.testing.assert_allclose(found.probabilities, oracle.predict_proba(X), atol=1e-6)
    assert found.labels.tolist() == oracle.predict(X).tolist()
    np.testing.assert_allclose(found.confidence, oracle.predict_proba(X).max(axis=1), atol=1e-6)


def test_cells_labelled_unknown_are_never_learnt_from():
    X, labels = blobs(3)
    rng = np.random.default_rng(1)
    X_more = np.vstack([X, rng.normal(50, 1, (30, 6)).astype(np.float32)])
    labels_more = np.concatenate([labels, np.full(30, UNKNOWN, dtype=object)])

    probe = fit_probe(X, labels, seed=0)
    probe_more = fit_probe(X_more, labels_more, seed=0)

    assert probe_more.classes == ("type 0", "type 1", "type 2")
    np.testing.assert_array_equal(probe_more.weights, probe.weights)
    np.testing.assert_array_equal(probe_more.mean, probe.mean)


def test_cells_below_the_threshold_are_called_unknown_and_keep_their_confidence():
    X, labels = blobs(3, spread=4.0)
    probe = fit_probe(X, labels, seed=0)

    sure = transfer(probe, X, threshold=0.0)
    strict = transfer(probe, X, threshold=0.7)

    assert UNKNOWN not in sure.labels
    expected = [
        label if confidence >= 0.7 else UNKNOWN
        for label, confidence in zip(sure.labels, sure.confidence, strict=True)
    ]
    assert strict.labels.tolist() == expected
    assert 0 < expected.count(UNKNOWN) < len(expected)
    np.testing.assert_array_equal(strict.confidence, sure.confidence)


def test_far_away_cells_get_probabilities_and_not_nan():
    X, labels = blobs(3)
    probe = fit_probe(X, labels, seed=0)

    found = transfer(probe, X * 1e6, threshold=0.5)

    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1.0)


def test_labels_do_not_depend_on_which_cells_come_along():
    X, labels = blobs(3, spread=3.0)
    probe = fit_probe(X, labels, seed=0)

    together = transfer(probe, X, threshold=0.6)
    alone = [transfer(probe, X[[row]], threshold=0.6).labels[0] for row in range(len(X))]

    assert together.labels.tolist() == alone


def test_equal_seeds_give_equal_probes_where_cells_are_drawn():
    X, labels = blobs(2, n_per_type=60, spread=3.0)

    first, second, other = (
        fit_probe(X, labels, seed=seed, max_cells_per_type=20) for seed in (3, 3, 4)
    )

    np.testing.assert_array_equal(first.weights, second.weights)
    assert not np.array_equal(first.weights, other.weights)


def test_rare_types_survive_the_draw():
    X, labels = blobs(2, n_per_type=60)
    labels[:2] = "rare"

    probe = fit_probe(X, labels, seed=0, max_cells_per_type=5)

    assert probe.classes == ("rare", "type 0", "type 1")


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        ([UNKNOWN, UNKNOWN], "no label in 2 cells"),
        ([], "no label in 0 cells"),
        (["B cell", UNKNOWN, "B cell"], "only 'B cell'"),
    ],
    ids=["unlabelled", "no cells", "one type"],
)
def test_labels_that_teach_nothing_are_refused(labels, found):
    assert not can_learn_from(labels)
    with pytest.raises(SchemaError, match=f"two or more types, found {found}"):
        check_learnable(labels)
    with pytest.raises(SchemaError, match=f"two or more types, found {found}"):
        fit_probe(np.zeros((len(labels), 2)), labels, seed=0)


def test_two_types_are_enough():
    labels = ["B cell", UNKNOWN, "T cell"]

    check_learnable(labels)

    assert can_learn_from(labels)


def test_over_one_scale_probabilities_are_those_of_scikit_learn_on_scaled_cells():
    X, labels = blobs(3, spread=3.0)
    X = X * np.array([5, 1, 1, 1, 0.1, 1], dtype=np.float32)
    centred = X.astype(np.float64) - X.astype(np.float64).mean(axis=0)
    scaled = centred / np.sqrt((centred**2).mean())
    oracle = LogisticRegression(C=INVERSE_REGULARISATION, max_iter=2_000).fit(
        scaled, labels.astype(str)
    )

    found = transfer(fit_probe(X, labels, seed=0, standardise=False), X, threshold=0.0)

    np.testing.assert_allclose(found.probabilities, oracle.predict_proba(scaled), atol=1e-6)


def test_over_one_scale_the_unit_of_an_embedding_does_not_matter_and_its_noise_weighs_less():
    X, labels = blobs(3)
    noise = np.random.default_rng(1).normal(0, 0.01, (len(X), 40))
    X = np.hstack([X, noise])

    one, unit, each = (
        fit_probe(10 * X if tenfold else X, labels, seed=0, standardise=standardise)
        for tenfold, standardise in ((False, False), (True, False), (False, True))
    )

    np.testing.assert_allclose(unit.weights, one.weights, atol=1e-4)
    of_noise = [np.abs(probe.weights[:, 6:]).max() for probe in (one, each)]
    assert of_noise[0] < 0.1 * of_noise[1]


def test_weights_of_types_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    labels = np.repeat(["A", "B", "C"], [60, 25, 6]).astype(object)
    X = rng.normal(size=(91, 4)) + np.repeat(rng.normal(size=(3, 4)), [60, 25, 6], axis=0)
    mean, scale = X.mean(axis=0), X.std(axis=0)

    probe = fit_probe(X, labels, seed=0, class_weight_power=1.0)

    expected = LogisticRegression(C=0.1, max_iter=2000, class_weight="balanced")
    expected.fit((X - mean) / scale, labels.astype(str))
    np.testing.assert_allclose(probe.weights, expected.coef_, atol=1e-4)
    np.testing.assert_allclose(probe.bias, expected.intercept_, atol=1e-4)
