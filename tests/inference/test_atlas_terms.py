"""An annotation whose labels are mapped says the most specific term that is sure of each cell."""

import anndata as ad
import numpy as np
import pytest
import torch

from genemamba import keys
from genemamba.annotation.label_rules import LabelRules
from genemamba.annotation.roll_up import TermLevels
from genemamba.inference.atlas import learn_annotator, read_annotation, write_annotation
from genemamba.inference.atlas_embedding import embed_atlas
from genemamba.inference.embedded_cells import EmbeddedCells
from genemamba.inference.export import export_annotation
from genemamba.inference.rolled_up import Naming
from genemamba.ontology.tables import load_ontology

NAMING = Naming(
    terms={"B cell": "CL:0000236", "T cell": "CL:0000084", "NK cell": "CL:0000623"},
    ontology=load_ontology(),
    confidence=0.8,
)


@pytest.fixture(scope="module")
def embedding(atlas, checkpoint, tmp_path_factory):
    url = str(tmp_path_factory.mktemp("embedding") / "embedding.zarr")
    embed_atlas(atlas, checkpoint, url, device=torch.device("cpu"), shard_n_obs=64)
    return EmbeddedCells.open(url)


@pytest.fixture(scope="module")
def annotated(atlas, embedding, tmp_path_factory):
    """With terms and without: what was written, and what the catalog keeps."""
    annotator = learn_annotator(atlas, embedding, rules=LabelRules(), seed=0)
    written = {}
    for name, naming in (("named", NAMING), ("plain", None)):
        url = str(tmp_path_factory.mktemp(name) / "annotation.zarr")
        facts = write_annotation(atlas, embedding, annotator, url, provenance={}, naming=naming)
        written[name] = read_annotation(url), facts
    return written


def test_terms_are_those_of_the_probabilities_beside_them(annotated):
    adata, facts = annotated["named"]
    classes = adata.uns["genemamba"]["labelling"]["classes"].tolist()

    levels = TermLevels.above(classes, NAMING.terms, NAMING.ontology)
    expected = levels.roll_up(adata.obsm[keys.CELL_TYPE_PROBABILITIES], threshold=0.8)

    assert adata.obs[keys.TERM_PRED].tolist() == expected.term_ids.tolist()
    assert adata.obs[keys.CELL_TYPE_PRED_ROLLED_UP].tolist() == expected.labels.tolist()
    np.testing.assert_allclose(
        adata.obs[keys.CELL_TYPE_PRED_ROLLED_UP_CONFIDENCE], expected.confidence, atol=1e-6
    )
    names, counts = np.unique(expected.labels.astype(str), return_counts=True)
    assert facts["terms"] == dict(zip(names.tolist(), counts.tolist(), strict=True))
    # Three types of lymphocytes: some cells are one of them, of the others only that is sure.
    assert {"lymphocyte"} < set(facts["terms"])


def test_everything_else_is_as_without_terms(annotated):
    (named, named_facts), (plain, plain_facts) = annotated["named"], annotated["plain"]

    assert named.obs.drop(columns=list(keys.TERM_COLUMNS)).equals(plain.obs)
    assert set(plain.obs) & set(keys.TERM_COLUMNS) == set()
    assert {name: facts for name, facts in named_facts.items() if name != "terms"} == plain_facts


def test_without_a_head_every_term_is_unknown(atlas, embedding, tmp_path):
    url = str(tmp_path / "annotation.zarr")

    facts = write_annotation(atlas, embedding, None, url, provenance={}, naming=NAMING)

    assert facts["terms"] == {"unknown": 150}
    assert set(read_annotation(url).obs[keys.TERM_PRED]) == {"unknown"}


def test_terms_travel_with_an_export(annotated, atlas, tmp_path):
    adata, _ = annotated["named"]
    out = tmp_path / "cells.h5ad"

    export_annotation(atlas, adata, out, provenance={})

    exported = ad.read_h5ad(out).obs
    assert exported[keys.TERM_PRED].tolist() == adata.obs[keys.TERM_PRED].tolist()
