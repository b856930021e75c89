"""Baselines say what the libraries behind them say, and again the same."""

import importlib.util
import logging

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.linear_model import SGDClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

from genemamba.errors import ModelError
from genemamba.evaluation.baselines.celltypist_model import by_celltypist
from genemamba.evaluation.baselines.frequencies import majority_vote, random_labels
from genemamba.evaluation.baselines.neighbors import by_neighbors
from genemamba.evaluation.baselines.scanvi import ScanviLabeller
from genemamba.evaluation.pca import log_normalise

TRAIN, TEST = np.arange(80), np.arange(80, 120)


@pytest.fixture(scope="module")
def cells():
    """120 cells of three types by 30 genes: counts and labels."""
    rng = np.random.default_rng(0)
    types = rng.integers(0, 3, 120)
    rate = np.where(np.arange(30) // 10 == types[:, None], 4.0, 0.5)
    return csr_matrix(rng.poisson(rate).astype(np.float32)), np.array(["B", "NK", "T"], object)[
        types
    ]


def test_the_majority_vote_names_the_most_frequent_training_label():
    found = majority_vote(TRAIN, np.array(["T", "B", "T"], dtype=object), TEST, seed=0)

    assert set(found.labels) == {"T"}
    assert set(found.confidence) == {2 / 3}


def test_random_labels_are_as_frequent_as_among_the_training_cells():
    labels = np.array(["T"] * 30 + ["B"] * 10, dtype=object)

    found = random_labels(TRAIN, labels, np.arange(4_000), seed=0)

    assert np.mean(found.labels == "T") == pytest.approx(0.75, abs=0.03)
    assert set(found.confidence[found.labels == "B"]) == {0.25}


def test_neighbours_vote_as_scikit_learns_do(cells):
    counts, labels = cells
    X = counts.toarray()
    oracle = KNeighborsClassifier(5, weights="distance").fit(X[TRAIN], labels[TRAIN].astype(str))

    found = by_neighbors(X)(TRAIN, labels[TRAIN], TEST, seed=0)

    assert found.labels.tolist() == oracle.predict(X[TEST]).tolist()
    np.testing.assert_allclose(found.confidence, oracle.predict_proba(X[TEST]).max(axis=1))


@pytest.mark.parametrize("names", [("B", "NK", "T"), ("B", "T")], ids=["three types", "two types"])
def test_celltypist_is_a_stochastic_gradient_fit_on_scaled_genes(cells, names):
    counts, labels = cells
    X = log_normalise(counts)
    train = TRAIN[np.isin(labels[TRAIN], names)]
    scaler = StandardScaler(with_mean=False).fit(X[train])
    scaled = scaler.transform(X[train])
    scaled[scaled > 10] = 10
    oracle = SGDClassifier(loss="log_loss", alpha=1e-4, max_iter=1_000, random_state=5)
    oracle.fit(scaled, labels[train].astype(str))
    expected = oracle.predict(np.minimum(scaler.transform(X[TEST].toarray()), 10))

    label = by_celltypist(X)
    found, again = (label(train, labels[train], TEST, seed=5) for _ in range(2))

    assert found.labels.tolist() == expected.tolist()
    assert found.labels.tolist() == again.labels.tolist()
    assert found.confidence.tolist() == again.confidence.tolist()
    assert ((found.confidence >= 0) & (found.confidence <= 1)).all()


def test_celltypist_leaves_the_process_log_as_it_was(cells):
    counts, labels = cells
    before = list(logging.getLogger().handlers), logging.getLogger().level

    by_celltypist(log_normalise(counts))(TRAIN, labels[TRAIN], TEST, seed=0)

    assert (list(logging.getLogger().handlers), logging.getLogger().level) == before


def test_scanvi_is_asked_for_by_the_name_of_the_extra_where_it_is_absent(cells, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)

    with pytest.raises(ModelError, match=r"pip install 'genemamba-atlas\[baselines\]'"):
        ScanviLabeller(cells[0], np.repeat("x", 120))
