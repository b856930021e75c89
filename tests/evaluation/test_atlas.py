"""All scores of an annotation of a small atlas, with labels and without."""

import anndata as ad
import numpy as np
import pytest
from scipy.sparse import vstack
from sklearn.metrics import accuracy_score, f1_score

from genemamba.evaluation.annotation.evaluation import OURS
from genemamba.evaluation.annotation.splits import split_labelled
from genemamba.evaluation.annotation.transfer import label_held_out
from genemamba.evaluation.atlas import SAW_HELD_OUT, evaluate_atlas
from genemamba.evaluation.baselines.frequencies import majority_vote
from genemamba.evaluation.baselines.names import BASELINES, MAJORITY, SCANVI
from genemamba.evaluation.integration.controls import PERFECT, RANDOM, SHUFFLED
from genemamba.evaluation.integration.harmony import X_HARMONY
from genemamba.keys import UNKNOWN, X_GENEMAMBA, X_PCA
from tests.small_atlas import small_adata, small_view


def annotated(view):
    """An annotation whose cells are shuffled and whose embedding knows the counts."""
    counts = view.counts().toarray()
    mixed = np.log1p(counts) @ np.random.default_rng(0).normal(0, 1, (counts.shape[1], 8))
    whole = ad.AnnData(obs=view.obs, obsm={X_GENEMAMBA: mixed.astype(np.float32)})
    return whole[np.random.default_rng(1).permutation(len(view.obs))].copy()


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    view = small_view(tmp_path_factory.mktemp("labelled"), one=small_adata())
    return view, evaluate_atlas(view, annotated(view), seed=0, max_cells=1000)


@pytest.fixture(scope="module")
def unlabelled(tmp_path_factory):
    adata = small_adata()
    del adata.obs["cell_type"]
    view = small_view(tmp_path_factory.mktemp("unlabelled"), one=adata)
    return view, evaluate_atlas(view, annotated(view), seed=0, max_cells=100)


def test_every_embedding_and_method_is_scored(labelled):
    _, evaluation = labelled
    summary = evaluation.summary()

    everything = [X_GENEMAMBA, X_PCA, X_HARMONY, RANDOM, PERFECT, SHUFFLED]
    assert list(summary["integration"]) == everything
    assert summary["integration_tables"] == {"zero-shot": everything}
    assert list(summary["annotation"]) == [OURS, *(name for name in BASELINES if name != SCANVI)]
    assert summary["split"]["kind"] == evaluation.annotation.split_kind == "held-out batch"
    bio = {name: scores["bio_conservation"] for name, scores in summary["integration"].items()}
    assert bio[RANDOM] < bio[X_GENEMAMBA] < bio[PERFECT] == pytest.approx(1, abs=0.01)


def test_labels_that_the_model_was_trained_on_are_not_scored(tmp_path):
    view = small_view(tmp_path, one=small_adata(n_obs=60))

    evaluation = evaluate_atlas(view, annotated(view), seed=0, max_cells=60, supervised=True)

    assert evaluation.annotation.scores == {}
    assert evaluation.annotation.notes == (SAW_HELD_OUT,)
    assert X_GENEMAMBA in evaluation.summary()["integration_tables"]["label-supervised"]


def test_labels_are_matched_to_cells_by_name_and_not_by_position(labelled):
    _, evaluation = labelled

    assert evaluation.annotation.scores[OURS].accuracy > 0.9
    assert evaluation.drawn_rows.tolist() == list(range(120))


def test_the_majority_vote_scores_what_scikit_learn_says(labelled):
    view, evaluation = labelled
    labels = view.obs["cell_type"].to_numpy(dtype=str)
    split = split_labelled(labels, view.obs["batch"].to_numpy(dtype=str), seed=0)
    held_out = label_held_out(majority_vote, labels, split, seed=0)

    found = evaluation.annotation.scores[MAJORITY]

    truth, predicted = held_out.truth.tolist(), held_out.predicted.tolist()
    assert found.n == 120
    assert found.accuracy == accuracy_score(truth, predicted)
    assert found.macro_f1 == pytest.approx(f1_score(truth, predicted, average="macro"))


def test_as_many_cells_are_drawn_as_asked_for_once_each(unlabelled):
    _, evaluation = unlabelled

    assert len(evaluation.drawn_rows) == len(set(evaluation.drawn_rows)) == 100
    assert (np.diff(evaluation.drawn_rows) > 0).all()
    assert {name: layout.shape for name, layout in evaluation.umap.items()} == {
        X_GENEMAMBA: (100, 2),
        X_PCA: (100, 2),
    }


def test_an_unlabelled_atlas_gives_notes_and_no_annotation(unlabelled):
    view, evaluation = unlabelled
    summary = evaluation.summary()

    assert set(view.obs["cell_type"]) == {UNKNOWN}
    assert summary["annotation"] == {}
    assert summary["split"] == {"kind": None, "summary": None}
    assert evaluation.annotation.notes[0].startswith("Annotation cannot be scored: Expected")
    assert summary["notes"] == [*evaluation.integration.notes, *evaluation.annotation.notes]
    assert {score.group for score in evaluation.integration.scores} <= {"batch", "aggregate"}


def test_a_model_that_saw_labels_is_compared_with_controls_alone(unlabelled):
    view, _ = unlabelled

    summary = evaluate_atlas(
        view, annotated(view), seed=0, max_cells=1000, supervised=True
    ).summary()

    controls = [RANDOM, PERFECT, SHUFFLED]
    assert summary["integration_tables"] == {
        "zero-shot": [X_PCA, X_HARMONY, *controls],
        "label-supervised": [X_GENEMAMBA, *controls],
    }


@pytest.mark.parametrize("is_labelled", [True, False], ids=["labelled", "unlabelled"])
@pytest.mark.parametrize("n_obs", [1, 2, 3, 10], ids="{} cells".format)
def test_a_handful_of_cells_gives_numbers_or_notes(tmp_path, n_obs, is_labelled):
    adata = small_adata(n_obs=n_obs)
    if not is_labelled:
        del adata.obs["cell_type"]
    view = small_view(tmp_path, one=adata)

    evaluation = evaluate_atlas(view, annotated(view), seed=0, max_cells=100)

    assert {name: layout.shape for name, layout in evaluation.umap.items()} == {
        X_GENEMAMBA: (n_obs, 2),
        X_PCA: (n_obs, 2),
    }
    for layout in evaluation.umap.values():
        assert np.isfinite(layout).all()
    assert bool(evaluation.annotation.scores) == (is_labelled and n_obs > 2)
    for score in evaluation.integration.scores:
        assert np.isfinite(score.value) or score.note


def test_cells_that_came_with_two_deposits_are_noted_and_not_learnt_from(tmp_path):
    first, second = small_adata(n_obs=40), small_adata(n_obs=40, seed=1)
    second.X = vstack([first.X[:5], second.X[5:]]).tocsr()
    first.obs["batch"], second.obs["batch"] = "x", "y"
    view = small_view(tmp_path, one=first, two=second)

    evaluation = evaluate_atlas(view, annotated(view), seed=0, max_cells=100)

    assert evaluation.annotation.split_kind == "held-out batch"
    assert evaluation.annotation.notes == (
        "Labelled cells not learnt from where a copy is scored: 10.",
    )


def test_a_control_outside_its_bound_reaches_the_summary(tmp_path, monkeypatch):
    view = small_view(tmp_path, one=small_adata(n_obs=200))
    noise = np.random.default_rng(0).normal(0, 1, (200, 2))
    monkeypatch.setattr(
        "genemamba.evaluation.integration.comparison.random_embedding",
        lambda n_obs, **_: 100 * np.repeat(np.eye(2), n_obs // 2, axis=0) + noise[:n_obs],
    )
    view.obs["batch"] = np.repeat(["b1", "b2"], 100)

    notes = evaluate_atlas(view, annotated(view), seed=0, max_cells=1000).summary()["notes"]

    assert any(note.startswith("ilisi_knn gives the random control 0.000") for note in notes)
