"""An embedding is a recorded stage: done once, taken up where it was killed, and annotated from."""

from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import torch

from genemamba.atlas.versions.manifests import read_manifest
from genemamba.atlas.versions.view import AtlasView
from genemamba.inference.atlas_embedding import embed_atlas
from genemamba.inference.embedding_shards import ShardFiles
from genemamba.inference.gene_embeddings import contextual_gene_embeddings, gene_embeddings
from genemamba.nn.backends.names import multiplies_bfloat16
from genemamba.training.checkpoint import load_checkpoint
from tasks.annotation import annotate_version, find_annotation
from tasks.embedding import embed_genes, embed_version
from tests.small_home import small_home

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return small_home(tmp_path_factory.mktemp("small"))


def embed(small, **options):
    return embed_version.fn(
        small.workspace, small.version, small.model, **{"device": "cpu", **options}
    )


def in_small_shards(*arguments, **options):
    return embed_atlas(*arguments, shard_n_obs=25, **options)


def shards(url):
    files = Path(url).rglob("obsm/X_genemamba/c/*/0")
    return {str(path.relative_to(url)): path.read_bytes() for path in files}


def test_the_record_says_what_was_embedded_by_what(small):
    artifact = small.embedding.artifact
    found = ad.read_zarr(artifact.uri)

    with small.workspace.open_catalog() as catalog:
        run = catalog.run(small.embedding.run_id)
    assert artifact.facets == {
        "n_obs": 60, "d_model": 32, "n_shards": 1, "genes_in_vocabulary": 60,
        "cells_without_token": 0, "backend": "torch", "precision": "fp32",
    }  # fmt: skip
    assert (artifact.kind, small.embedding.label) == ("embedding", "small@1")
    assert {edge.role: edge.artifact.digest for edge in run.inputs} == {
        "atlas": small.version.artifact.digest,
        "model": small.model.artifact.digest,
    }
    facts = found.uns["genemamba"]
    assert (facts["atlas"], facts["model"]) == ("small@1", "small-tiny@1")
    assert facts["model_digest"] == small.model.artifact.digest


def test_the_same_work_is_found_and_other_precision_is_other_work(small):
    again = embed(small)

    assert (again.reused, again.run_id) == (True, small.embedding.run_id)
    if multiplies_bfloat16(CPU):
        half = embed(small, precision="bf16")
        assert not half.reused
        assert half.artifact.digest != small.embedding.artifact.digest


def test_an_annotation_holds_the_embedding_byte_by_byte(small):
    embedded, annotated = small.embedding.artifact.uri, small.annotation.artifact.uri

    assert shards(annotated) == shards(embedded)
    np.testing.assert_array_equal(
        ad.read_zarr(annotated).obsm["X_genemamba"], ad.read_zarr(embedded).obsm["X_genemamba"]
    )
    assert shards(embedded)


def test_another_threshold_labels_again_from_the_same_embedding(small):
    other = annotate_version.fn(
        small.workspace, small.version, small.model, small.embedding, threshold=1.0, seed=0
    )

    assert not other.reused
    assert set(ad.read_zarr(other.artifact.uri).obs["cell_type_pred"]) == {"unknown"}
    found = find_annotation(small.workspace, small.version, None)
    assert (found.annotation.run_id, found.model.label) == (other.run_id, "small-tiny@1")


def test_an_attempt_that_failed_is_taken_up_from_its_shards(tmp_path, monkeypatch):
    small = small_home(tmp_path)
    written, write = [], ShardFiles.write

    def fail_at_second(self, number, content):
        if len(written) == 1:
            raise ConnectionError
        written.append(number)
        write(self, number, content)

    def note_and_write(self, number, content):
        written.append(number)
        write(self, number, content)

    monkeypatch.setattr("tasks.embedding.embed_atlas", in_small_shards)
    monkeypatch.setattr(ShardFiles, "write", fail_at_second)
    with pytest.raises(ConnectionError):
        embed(small, device="cpu:0")
    monkeypatch.setattr(ShardFiles, "write", note_and_write)

    done = embed(small, device="cpu:0")

    assert written == [0, 1, 2]
    assert not done.reused
    embedding = ad.read_zarr(done.artifact.uri).obsm["X_genemamba"]
    expected = ad.read_zarr(small.embedding.artifact.uri).obsm["X_genemamba"]
    np.testing.assert_allclose(embedding, expected, rtol=0, atol=1e-5)
    assert list(Path(small.workspace.home, "staging").iterdir()) == []


def test_gene_tables_are_recorded_with_what_they_were_made_of(small):
    view = AtlasView.open(read_manifest(small.version.artifact.uri))
    checkpoint = load_checkpoint(Path(small.model.artifact.uri))
    expected = {
        "input": gene_embeddings(checkpoint),
        "cells": contextual_gene_embeddings(view, checkpoint, device=CPU),
    }
    inputs = {"input": ["model"], "cells": ["atlas", "model"]}

    for states, table in expected.items():
        stage = embed_genes.fn(
            small.workspace, small.version, small.model, states=states, device="cpu"
        )
        found = pd.read_csv(stage.artifact.uri, sep="\t", index_col="ensembl_id")
        pd.testing.assert_frame_equal(found, table, check_dtype=False, atol=1e-6)
        with small.workspace.open_catalog() as catalog:
            roles = sorted(edge.role for edge in catalog.run(stage.run_id).inputs)
        assert roles == inputs[states]
        assert stage.artifact.facets == {"states": states, "n_genes": 60}
