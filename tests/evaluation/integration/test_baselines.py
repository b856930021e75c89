"""Baselines are told batches, and what they need; none costs another one."""

import logging
import sys

import numpy as np
import pytest
import torch

from genemamba.errors import ModelError
from genemamba.evaluation.integration.baselines import SUPERVISED_BASELINES, baseline_embeddings
from genemamba.evaluation.pca import log_normalised_pca
from genemamba.keys import UNKNOWN
from tests.small_atlas import small_adata


@pytest.fixture(scope="module")
def deposit():
    adata = small_adata(n_obs=150)
    adata.X = adata.X.multiply(np.arange(150)[:, None] != 7).tocsr()
    adata.X.eliminate_zeros()
    return {
        "X_pca": log_normalised_pca(adata.X, n_comps=5, seed=0),
        "counts": adata.X,
        "labels": adata.obs["cell_type"].to_numpy(dtype=str),
        "batch": adata.obs["batch"].to_numpy(dtype=str),
    }


def test_harmony_is_there_and_the_slow_ones_are_not(deposit):
    made = baseline_embeddings(**deposit, seed=0, slow=False)

    assert list(made.embeddings) == ["X_pca", "X_harmony"]
    assert made.embeddings["X_pca"] is deposit["X_pca"]
    assert made.notes == []


def test_one_batch_leaves_harmony_out_with_its_reason(deposit):
    made = baseline_embeddings(**{**deposit, "batch": np.full(150, "x")}, seed=0, slow=False)

    assert list(made.embeddings) == ["X_pca"]
    assert made.notes == ["X_harmony is left out: there is one batch."]


def test_harmony_that_is_not_installed_is_left_out_with_the_remedy(deposit, monkeypatch):
    monkeypatch.setitem(sys.modules, "harmonypy", None)

    made = baseline_embeddings(**deposit, seed=0, slow=False)

    assert list(made.embeddings) == ["X_pca"]
    assert made.notes == [
        "X_harmony is left out: harmonypy is not installed"
        " (pip install 'genemamba-atlas[baselines]')."
    ]


def test_a_baseline_that_fails_costs_itself_alone(deposit):
    broken = {**deposit, "X_pca": np.full((150, 5), np.nan, dtype=np.float32)}

    made = baseline_embeddings(**broken, seed=0, slow=False)

    assert list(made.embeddings) == ["X_pca"]
    assert len(made.notes) == 1
    assert made.notes[0].startswith("X_harmony is left out: ")


def test_scvi_and_scanvi_tell_the_types_apart_and_leave_the_generators_alone(deposit):
    pytest.importorskip("scvi", reason="needs the extra baselines")
    torch.manual_seed(3)
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    disabled = logging.root.manager.disable

    made = baseline_embeddings(**deposit, seed=0, slow=True, max_epochs=25)

    assert made.notes == []
    assert list(made.embeddings) == ["X_pca", "X_harmony", "X_scVI", "X_scANVI"]
    assert {"X_scANVI"} == SUPERVISED_BASELINES
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert (np.random.get_state()[1] == numpy_state).all()  # noqa: NPY002
    assert logging.root.manager.disable == disabled
    for name in ("X_scVI", "X_scANVI"):
        assert made.embeddings[name].shape == (150, 30)
        assert nearest_of_own_type(made.embeddings[name], deposit["labels"]) > 0.8


def test_without_labels_scanvi_is_left_out(deposit, monkeypatch):
    pytest.importorskip("scvi", reason="needs the extra baselines")
    unlabelled = {**deposit, "labels": np.full(150, UNKNOWN)}

    made = baseline_embeddings(**unlabelled, seed=0, slow=True, max_epochs=1)

    assert list(made.embeddings) == ["X_pca", "X_harmony", "X_scVI"]
    assert made.notes == ["X_scANVI is left out: there are no labels."]


def test_an_absent_scvi_is_told_with_how_to_install_it(deposit, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    with pytest.raises(ModelError, match=r"pip install 'genemamba-atlas\[baselines\]'"):
        baseline_embeddings(**deposit, seed=0, slow=True)


def nearest_of_own_type(X, labels):
    distances = np.linalg.norm(X[:, None] - X[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    return np.mean(labels[distances.argmin(axis=1)] == labels)
