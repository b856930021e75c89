"""New types are learnt beside a head that goes on to tell old types apart as it did."""

import numpy as np
import pytest
from scipy.special import log_softmax, softmax
from sklearn.covariance import oas
from sklearn.linear_model import Ridge
from sklearn.metrics import f1_score

from genemamba.annotation.head import probabilities, transfer
from genemamba.annotation.incremental import (
    SHARPNESS,
    SHRINKAGE,
    IncrementalHead,
    caution,
    extend_logits,
    fit_branch,
    log_probabilities,
)
from genemamba.annotation.linear_probe import fit_probe
from genemamba.annotation.type_statistics import type_statistics

N_DIMS = 8


def blobs(names, *, n_per_type, seed, spread=1.0):
    """Cells around centres that depend on the name alone."""
    rng = np.random.default_rng(seed)
    centres = [np.random.default_rng(ord(name)).normal(0, 3, N_DIMS) for name in names]
    X = np.repeat(centres, n_per_type, axis=0)
    X = X + rng.normal(0, spread, X.shape)
    return X.astype(np.float32), np.repeat(list(names), n_per_type).astype(object)


def learn(old, new, *, shots=5, spread=1.0):
    """Learn old types from many cells, and new ones from a few."""
    X, labels = blobs(old, n_per_type=60, seed=0, spread=spread)
    base = fit_probe(X, labels, seed=0)
    few = blobs(new, n_per_type=shots, seed=1, spread=spread)
    statistics = type_statistics(X, labels).with_types(*few)
    return base, IncrementalHead(base=base, branch=fit_branch(statistics))


def test_the_branch_is_scikit_learns_ridge_of_indicators_on_all_cells_each_type_weighing_one():
    X_old, old = blobs("pq", n_per_type=40, seed=0)
    X_new, new = blobs("ra", n_per_type=5, seed=1)
    statistics = type_statistics(X_old, old).with_types(X_new, new)
    Z = statistics.scaled(np.vstack([X_old, X_new]))
    Z = np.column_stack([np.ones(len(Z)), Z])
    labels = np.concatenate([old, new])
    names = list(statistics.classes)
    indicators = (labels[:, None] == np.array(names)).astype(float)
    weight = 1 / np.array([(labels == name).sum() for name in labels])
    penalty = SHRINKAGE * np.trace((Z * weight[:, None]).T @ Z) / Z.shape[1]
    oracle = Ridge(alpha=penalty, fit_intercept=False, solver="cholesky")
    oracle.fit(Z, indicators, sample_weight=weight)

    branch = fit_branch(statistics)

    assert names == ["p", "q", "a", "r"]
    np.testing.assert_allclose(branch.weights, oracle.coef_.T, atol=1e-10)
    X = np.vstack([X_old, X_new])
    np.testing.assert_allclose(branch.scores(X), SHARPNESS * oracle.predict(Z), atol=1e-8)


def test_targets_on_the_corners_of_a_simplex_give_the_same_differences_between_scores():
    X, labels = blobs("pqr", n_per_type=30, seed=0)
    statistics = type_statistics(X, labels)
    Z = np.column_stack([np.ones(len(X)), statistics.scaled(X)])
    weight = np.full(len(X), 1 / 30)
    penalty = SHRINKAGE * np.trace((Z * weight[:, None]).T @ Z) / Z.shape[1]
    corners = np.eye(3) - 1 / 3  # up to scale and rotation, an equiangular tight frame
    oracle = Ridge(alpha=penalty, fit_intercept=False, solver="cholesky")
    oracle.fit(Z, corners[np.searchsorted(["p", "q", "r"], labels)], sample_weight=weight)

    scores = fit_branch(statistics).scores(X) / SHARPNESS

    expected = oracle.predict(Z) @ corners.T
    np.testing.assert_allclose(
        scores - scores.mean(axis=1, keepdims=True),
        expected - expected.mean(axis=1, keepdims=True),
        atol=1e-8,
    )


def test_old_types_keep_the_odds_that_the_base_gave_them():
    base, head = learn("pqr", "ab")
    X, _ = blobs("pqrab", n_per_type=10, seed=2, spread=3.0)

    columns = [head.classes.index(name) for name in base.classes]
    found = log_softmax(head.logits(X)[:, columns], axis=1)

    np.testing.assert_allclose(found, log_softmax(base.logits(X), axis=1), atol=1e-9)


def test_logits_are_logarithms_of_the_base_and_the_branch_multiplied():
    base, head = learn("pr", "bq")
    X, _ = blobs("pqrb", n_per_type=3, seed=2)
    off = caution(head.branch, np.array([True, True, False, False]))
    q = softmax(head.branch.scores(X) - [0, 0, *off], axis=1)  # columns p, r, b, q
    p = softmax(base.logits(X), axis=1)
    is_old = q[:, 0] + q[:, 1]

    found = probabilities(head, X)

    assert head.classes == ("b", "p", "q", "r")
    expected = np.column_stack([q[:, 2], is_old * p[:, 0], q[:, 3], is_old * p[:, 1]])
    np.testing.assert_allclose(found, expected, atol=1e-12)
    np.testing.assert_allclose(found.sum(axis=1), 1.0)


@pytest.mark.parametrize("shots", [5, 20], ids=["five cells", "twenty cells"])
def test_new_types_are_found_and_old_ones_not_forgotten(shots):
    base, head = learn("pqrs", "ab", shots=shots)
    X, truth = blobs("pqrsab", n_per_type=100, seed=2)
    is_old = np.isin(truth, base.classes)

    before = transfer(base, X[is_old], threshold=0.0).labels
    after = transfer(head, X, threshold=0.0).labels

    old, new = sorted(base.classes), ["a", "b"]
    f1_before = f1_score(truth[is_old], before, labels=old, average="macro")
    f1_after = f1_score(truth[is_old], after[is_old], labels=old, average="macro")
    assert f1_after >= f1_before - 0.01
    assert f1_score(truth, after, labels=new, average="macro") > 0.95


def test_types_learnt_in_turn_are_told_from_old_ones_as_if_learnt_at_once():
    X, labels = blobs("pq", n_per_type=60, seed=0)
    base, statistics = fit_probe(X, labels, seed=0), type_statistics(X, labels)
    (X_a, a), (X_b, b) = (blobs(name, n_per_type=6, seed=1) for name in "ab")
    at_once = IncrementalHead(
        base=base,
        branch=fit_branch(statistics.with_types(np.vstack([X_a, X_b]), np.append(a, b))),
    )

    first = IncrementalHead(base=base, branch=fit_branch(statistics.with_types(X_a, a)))
    second = IncrementalHead(
        base=first, branch=fit_branch(first.branch.statistics.with_types(X_b, b))
    )

    X_test, truth = blobs("pqab", n_per_type=50, seed=2)
    np.testing.assert_allclose(second.branch.scores(X_test), at_once.branch.scores(X_test))
    columns = [at_once.classes.index(name) for name in "pqb"]
    ratios = [head.logits(X_test)[:, columns] for head in (at_once, second)]
    np.testing.assert_array_equal(second.classes, at_once.classes)
    assert (transfer(second, X_test, threshold=0.0).labels == truth).mean() > 0.95
    np.testing.assert_allclose(*(each[:, 0] - each[:, 1] for each in ratios), atol=1e-9)


def test_caution_keeps_the_share_of_old_cells_that_new_types_take_within_its_bound():
    X, labels = blobs("pq", n_per_type=400, seed=0, spread=4.0)
    X_new, new = blobs("ab", n_per_type=20, seed=1, spread=4.0)
    statistics = type_statistics(X, labels).with_types(X_new, new)
    branch, is_old = fit_branch(statistics), np.array([True, True, False, False])
    within = [statistics.scaled(part) for part in (X[:400], X[400:], X_new[:20], X_new[20:])]
    within = np.mean([np.cov(part.T, bias=True) for part in within], axis=0)
    # scikit-learn shrinks the covariance of cells: such cells are made, with no mean and this one.
    rng = np.random.default_rng(0)
    cells = np.linalg.qr(rng.normal(size=(840, N_DIMS)))[0] * np.sqrt(840)
    spread = oas(cells @ np.linalg.cholesky(within).T, assume_centered=True)[0]

    off = caution(branch, is_old, max_taken=0.02)

    for column, less in zip((2, 3), off, strict=True):
        taken = []
        for old in (0, 1):
            drawn = rng.multivariate_normal(statistics.centres[old], spread, 200_000)
            scores = branch.scores(drawn * statistics.scale + statistics.mean)
            taken.append((scores[:, column] - less > scores[:, old]).mean())
        assert less > 0
        np.testing.assert_allclose(np.mean(taken), 0.01, atol=0.001)


def test_where_types_lie_apart_no_caution_is_called_for():
    _, head = learn("pqr", "ab", shots=20, spread=0.1)

    off = caution(head.branch, np.array([True, True, True, False, False]))

    assert off.tolist() == [0.0, 0.0]


def test_stored_probabilities_do_as_well_as_the_head_that_gave_them():
    base, head = learn("pqr", "ab")
    X, _ = blobs("pqrab", n_per_type=10, seed=2)
    stored = probabilities(base, X).astype(np.float32)
    stored[0] = [0, 1, 0]

    found = extend_logits(log_probabilities(stored), base.classes, head.branch, X)

    assert np.isfinite(found).all()
    np.testing.assert_allclose(softmax(found[1:], axis=1), probabilities(head, X[1:]), atol=1e-6)
