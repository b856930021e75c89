"""Novelty is distance to the nearest type, and the want of evidence for any."""

import numpy as np
from scipy.spatial.distance import mahalanobis

from genemamba.annotation.linear_probe import fit_probe
from genemamba.annotation.neighbor_vote import fit_neighbors
from genemamba.annotation.novelty import NoveltyScores, fit_novelty
from tests.annotation.blobs import blobs

X, LABELS = blobs(3, spread=2.0)
NEW = blobs(3, spread=5.0, seed=1)[0]
PROBE = fit_probe(X, LABELS, seed=0)


def test_the_distance_is_that_of_mahalanobis_to_the_nearest_centre():
    scaled = (X.astype(np.float64) - PROBE.mean) / PROBE.scale
    centres = [scaled[name == LABELS].mean(axis=0) for name in PROBE.classes]
    within = scaled - np.repeat(centres, 40, axis=0)
    covariance = np.cov(within.T, bias=True)
    shrunk = 0.9 * covariance + 0.1 * np.trace(covariance) / 6 * np.eye(6)
    inverse = np.linalg.inv(shrunk)
    expected = [
        min(mahalanobis(cell, centre, inverse) for centre in centres)
        for cell in (NEW - PROBE.mean) / PROBE.scale
    ]

    found = fit_novelty(X, LABELS, head=PROBE, seed=0).scores(NEW)

    np.testing.assert_allclose(found.distance, expected)


def test_evidence_is_the_best_logit_over_the_mean_one():
    logits = PROBE.logits(NEW)

    found = fit_novelty(X, LABELS, head=PROBE, seed=0).scores(NEW)

    np.testing.assert_allclose(found.no_evidence, -(logits.max(axis=1) - logits.mean(axis=1)))


def test_evidence_for_either_of_two_types_counts_alike():
    is_two = LABELS != "type 2"
    probe = fit_probe(X[is_two], LABELS[is_two], seed=0)
    logit = probe.logits(NEW)[:, 1]

    found = fit_novelty(X[is_two], LABELS[is_two], head=probe, seed=0).scores(NEW)

    np.testing.assert_allclose(found.no_evidence, -np.abs(logit) / 2)


def test_beside_another_head_a_probe_is_learnt():
    neighbors = fit_neighbors(X, LABELS, seed=0)

    found = fit_novelty(X, LABELS, head=neighbors, seed=0).scores(NEW)

    expected = fit_novelty(X, LABELS, head=PROBE, seed=0).scores(NEW)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_types_of_one_cell_each_have_distances_all_the_same():
    rows = [0, 40, 80]
    novelty = fit_novelty(X[rows], LABELS[rows], head=PROBE, seed=0)

    found = novelty.scores(X[rows])

    np.testing.assert_allclose(found.distance, 0, atol=1e-6)
    assert (novelty.scores(NEW).distance > 0).all()


def test_scores_are_joined_cell_behind_cell():
    one, two = (NoveltyScores(np.full(n, 1.0 * n), np.full(n, 2.0 * n)) for n in (1, 2))

    joined = NoveltyScores.join([one, two])

    assert [column.tolist() for column in joined] == [[1, 2, 2], [2, 4, 4]]
    assert [len(column) for column in NoveltyScores.join([])] == [0, 0]
