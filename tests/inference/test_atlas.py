"""Every cell of an atlas gets an embedding, a label and a confidence."""

import dataclasses

import numpy as np
import pytest
import torch

from genemamba.annotation.linear_probe import fit_probe
from genemamba.inference.atlas import annotate_atlas, read_annotation, write_annotation
from genemamba.inference.embedding import embed_cells
from genemamba.keys import UNKNOWN
from genemamba.tokens.rank import rank_tokens

CPU = torch.device("cpu")


def annotate(view, checkpoint, *, threshold=0.5):
    return annotate_atlas(view, checkpoint, threshold=threshold, seed=0, device=CPU)


@pytest.fixture(scope="module")
def annotation(atlas, checkpoint):
    return annotate(atlas, checkpoint)


def test_every_cell_has_its_columns_embedding_and_label(annotation, atlas):
    columns = ["cell_type", "batch", "deposit", "content_hash"]

    assert annotation.shape == (150, 0)
    assert annotation.obs_names.tolist() == atlas.obs.index.tolist()
    assert annotation.obs[columns].equals(atlas.obs[columns])
    assert list(annotation.obs.columns[4:]) == ["cell_type_pred", "cell_type_pred_confidence"]
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


def test_labels_are_those_of_a_probe_on_the_labelled_cells(annotation, atlas):
    X, labels = annotation.obsm["X_genemamba"], atlas.obs["cell_type"].to_numpy(dtype=object)
    labelled = np.flatnonzero(labels != UNKNOWN)
    probe = fit_probe(X[labelled], labels[labelled], seed=0)

    expected = probe.transfer(X, threshold=0.5)

    assert annotation.obs["cell_type_pred"].tolist() == expected.labels.tolist()
    np.testing.assert_allclose(annotation.obs["cell_type_pred_confidence"], expected.confidence)


def test_a_higher_threshold_leaves_more_cells_unknown(atlas, checkpoint):
    n_unknown = [
        (annotate(atlas, checkpoint, threshold=threshold).obs["cell_type_pred"] == UNKNOWN).sum()
        for threshold in (0.0, 0.6, 1.0)
    ]

    assert n_unknown[0] == 0
    assert n_unknown[0] < n_unknown[1] <= n_unknown[2]


def test_without_two_labelled_types_every_cell_is_unknown(atlas, checkpoint):
    obs = atlas.obs.assign(cell_type="B cell")

    annotation = annotate(dataclasses.replace(atlas, obs=obs), checkpoint)

    assert set(annotation.obs["cell_type_pred"]) == {UNKNOWN}
    assert set(annotation.obs["cell_type_pred_confidence"]) == {0.0}
    assert annotation.obsm["X_genemamba"].any()


def test_an_annotation_that_was_written_is_read_as_it_was(annotation, tmp_path):
    url = str(tmp_path / "annotation.zarr")

    facts = write_annotation(annotation.copy(), url, provenance={"atlas": "small@1"})

    found = read_annotation(url)
    assert found.obs.astype(str).equals(annotation.obs.astype(str))
    np.testing.assert_array_equal(found.obsm["X_genemamba"], annotation.obsm["X_genemamba"])
    reach = {"cells_without_token": 0, "genes_in_vocabulary": 60}
    assert found.uns["genemamba"] == {"atlas": "small@1", **reach}
    predicted = annotation.obs["cell_type_pred"].tolist()
    assert facts == {
        "n_obs": 150,
        **reach,
        "n_unknown": predicted.count(UNKNOWN),
        "labels": {label: predicted.count(label) for label in set(predicted)},
    }


def test_tokens_from_the_cache_give_what_counts_give(annotation, atlas, checkpoint, tmp_path):
    options = {"threshold": 0.5, "seed": 0, "device": CPU, "cache": tmp_path}
    runs = [annotate_atlas(atlas, checkpoint, **options) for _ in range(2)]

    assert len(list(tmp_path.rglob("tokens*"))) > 0
    for run in runs:
        assert run.obs.equals(annotation.obs)
        np.testing.assert_array_equal(run.obsm["X_genemamba"], annotation.obsm["X_genemamba"])
