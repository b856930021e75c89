"""Every cell of an atlas gets an embedding, a label and a confidence."""

import dataclasses

import numpy as np
import pytest
import torch

from genemamba.annotation.head import softmax
from genemamba.annotation.label_rules import LabelRules
from genemamba.annotation.linear_probe import fit_probe
from genemamba.inference.atlas import (
    annotate_atlas,
    learn_annotator,
    read_annotation,
    write_annotation,
)
from genemamba.inference.atlas_embedding import embed_atlas
from genemamba.inference.embedded_cells import EmbeddedCells
from genemamba.inference.embedding import embed_cells
from genemamba.keys import UNKNOWN
from genemamba.storage import open_zarr_group
from genemamba.tokens.rank import rank_tokens

CPU = torch.device("cpu")


def annotate(view, checkpoint, **rules):
    return annotate_atlas(view, checkpoint, rules=LabelRules(**rules), seed=0, device=CPU)


@pytest.fixture(scope="module")
def annotation(atlas, checkpoint):
    return annotate(atlas, checkpoint)


def test_every_cell_has_its_columns_embedding_and_label(annotation, atlas):
    columns = ["cell_type", "batch", "deposit", "content_hash"]

    assert annotation.shape == (150, 0)
    assert annotation.obs_names.tolist() == atlas.obs.index.tolist()
    assert annotation.obs[columns].equals(atlas.obs[columns])
    assert list(annotation.obs.columns[4:]) == [
        "cell_type_pred",
        "cell_type_pred_confidence",
        "cell_type_pred_reason",
    ]
    assert annotation.obsm["X_genemamba"].shape == (150, 32)
    assert np.isfinite(annotation.obsm["X_genemamba"]).all()


def test_the_embedding_is_that_of_the_cells_ranked_genes(annotation, atlas, checkpoint):
    tokens = rank_tokens(
        atlas.counts(),
        checkpoint.vocabulary,
        atlas.gene_ids,
        seqlen=checkpoint.training_config.seqlen,
    )

    expected = embed_cells(checkpoint.model, tokens, device=CPU)

    np.testing.assert_allclose(annotation.obsm["X_genemamba"], expected, rtol=0, atol=1e-5)


def test_labels_are_those_of_a_probe_on_the_labelled_cells_at_one_temperature(annotation, atlas):
    X, labels = annotation.obsm["X_genemamba"], atlas.obs["cell_type"].to_numpy(dtype=object)
    labelled = np.flatnonzero(labels != UNKNOWN)
    probe = fit_probe(X[labelled], labels[labelled], seed=0)

    about = annotation.uns["genemamba"]["labelling"]
    expected = softmax(probe.logits(X) / about["temperature"])
    confidence = expected.max(axis=1)
    best = np.array(probe.classes, dtype=object)[expected.argmax(axis=1)]

    found = annotation.obsm["cell_type_probabilities"]
    assert about["classes"].tolist() == list(probe.classes)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)
    assert (
        annotation.obs["cell_type_pred"].tolist()
        == np.where(confidence < 0.5, UNKNOWN, best).tolist()
    )
    np.testing.assert_allclose(annotation.obs["cell_type_pred_confidence"], confidence, atol=1e-6)
    assert (
        annotation.obs["cell_type_pred_reason"].tolist()
        == np.where(confidence < 0.5, "low confidence", "accepted").tolist()
    )


def test_a_higher_threshold_leaves_more_cells_unknown(atlas, embedding):
    n_unknown = []
    for threshold in (0.0, 0.6, 1.0):
        rules = LabelRules(threshold=threshold)
        annotator = learn_annotator(atlas, embedding, rules=rules, seed=0)
        n_unknown.append((annotator.annotate(embedding.read()).labels == UNKNOWN).sum())

    assert n_unknown[0] == 0
    assert n_unknown[0] < n_unknown[1] <= n_unknown[2]


def test_without_two_labelled_types_every_cell_is_unknown(atlas, checkpoint):
    obs = atlas.obs.assign(cell_type="B cell")

    annotation = annotate(dataclasses.replace(atlas, obs=obs), checkpoint)

    assert set(annotation.obs["cell_type_pred"]) == {UNKNOWN}
    assert set(annotation.obs["cell_type_pred_confidence"]) == {0.0}
    assert set(annotation.obs["cell_type_pred_reason"]) == {"fewer than two labelled types"}
    assert list(annotation.obsm) == ["X_genemamba"]
    assert annotation.obsm["X_genemamba"].any()


@pytest.fixture(scope="module")
def embedding(atlas, checkpoint, tmp_path_factory):
    url = str(tmp_path_factory.mktemp("embedding") / "embedding.zarr")
    embed_atlas(atlas, checkpoint, url, device=CPU, shard_n_obs=64)
    return EmbeddedCells.open(url)


def test_an_annotation_says_what_made_it_and_what_became_of_the_cells(
    annotation, atlas, embedding, tmp_path
):
    url = str(tmp_path / "annotation.zarr")
    annotator = learn_annotator(atlas, embedding, rules=LabelRules(), seed=0)

    facts = write_annotation(atlas, embedding, annotator, url, provenance={"atlas": "small@1"})

    found = read_annotation(url)
    assert found.obs.astype(str).equals(annotation.obs.astype(str))
    for name in ("X_genemamba", "cell_type_probabilities"):
        np.testing.assert_array_equal(found.obsm[name], annotation.obsm[name])
    reach = {"cells_without_token": 0, "genes_in_vocabulary": 60}
    about = dict(found.uns["genemamba"])
    labelling = about.pop("labelling")
    assert about == {"atlas": "small@1", **reach}
    assert {name: labelling[name] for name in annotator.facts} == annotator.facts
    predicted = annotation.obs["cell_type_pred"].tolist()
    n_unknown = predicted.count(UNKNOWN)
    assert facts == {
        "n_obs": 150,
        **reach,
        "n_unknown": n_unknown,
        "labels": {label: predicted.count(label) for label in set(predicted)},
        "labelling": {
            **annotator.facts,
            "accepted_share": 1 - n_unknown / 150,
            "unknown_because": {"low confidence": n_unknown},
        },
    }


def test_probabilities_lie_in_shards_of_their_own_as_the_embedding_does(atlas, embedding, tmp_path):
    url = str(tmp_path / "annotation.zarr")
    annotator = learn_annotator(atlas, embedding, rules=LabelRules(), seed=0)

    write_annotation(atlas, embedding, annotator, url, provenance={})

    for name in ("X_genemamba", "cell_type_probabilities"):
        array = open_zarr_group(url, mode="r")[f"obsm/{name}"]
        assert array.shards[0] == 64
        assert len(list((tmp_path / "annotation.zarr" / "obsm" / name / "c").iterdir())) == 3


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        pytest.param({}, "held-out batch", id="the query is another batch"),
        pytest.param({"b2": UNKNOWN}, "held-out cells", id="one labelled batch"),
    ],
)
def test_heads_are_judged_by_what_they_are_to_label(atlas, embedding, labels, expected):
    is_hidden = atlas.obs["batch"].astype(str).isin(labels)
    kept = atlas.obs["cell_type"].astype(str).mask(is_hidden, UNKNOWN)
    view = dataclasses.replace(atlas, obs=atlas.obs.assign(cell_type=kept))

    annotator = learn_annotator(view, embedding, rules=LabelRules(), seed=0)

    assert annotator.facts["judged_by"] == expected


def test_cells_of_labelled_batches_are_judged_by_cells_of_these(atlas, embedding):
    """Every second cell of both batches has lost its label, and the query its batch."""
    obs = atlas.obs.iloc[:120]
    lost = atlas.obs["cell_type"].astype(str).mask(np.arange(150) % 2 == 0, UNKNOWN)
    batch = atlas.obs["batch"].astype(str).where(np.arange(150) < 120, obs["batch"].iloc[0])
    view = dataclasses.replace(atlas, obs=atlas.obs.assign(cell_type=lost, batch=batch))

    annotator = learn_annotator(view, embedding, rules=LabelRules(), seed=0)

    assert annotator.facts["judged_by"] == "held-out cells"


def test_tokens_from_the_cache_give_what_counts_give(annotation, atlas, checkpoint, tmp_path):
    options = {"rules": LabelRules(), "seed": 0, "device": CPU, "cache": tmp_path}
    runs = [annotate_atlas(atlas, checkpoint, **options) for _ in range(2)]

    assert len(list(tmp_path.rglob("tokens*"))) > 0
    for run in runs:
        assert run.obs.equals(annotation.obs)
        np.testing.assert_array_equal(run.obsm["X_genemamba"], annotation.obsm["X_genemamba"])
