"""Splits are kept in the home, found again, and read by the evaluation."""

import warnings
from pathlib import Path

import pytest

from genemamba.errors import SchemaError
from tasks.evaluation import score_annotation
from tasks.splitting import split_version, take_split
from tests.small_home import small_home

with warnings.catch_warnings():
    # umap-learn tells every importer that Tensorflow is absent; Python hides that by default.
    warnings.simplefilter("ignore")
    import scib_metrics.benchmark  # noqa: F401
    import umap  # noqa: F401

BATCHES = {"hold_out": "batch", "donor_key": None, "study_key": None, "seed": 0}


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return small_home(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def batches(small):
    return split_version.fn(small.workspace, small.version, **BATCHES)


def test_the_same_split_is_made_once(small, batches):
    again = split_version.fn(small.workspace, small.version, **BATCHES)

    assert (batches.stage.reused, again.stage.reused) == (False, True)
    assert again.artifact.digest == batches.artifact.digest
    assert batches.artifact.facets["hold_out"] == "held-out batch"
    assert batches.artifact.facets["n_test"] == 60


def test_a_file_that_is_given_is_the_artifact_that_was_made(small, batches, tmp_path):
    copy = tmp_path / "mine.tsv.gz"
    copy.write_bytes(Path(batches.artifact.uri).read_bytes())

    taken = take_split.fn(small.workspace, small.version, str(copy), donor_key=None)

    assert taken.stage is None
    assert taken.artifact == batches.artifact


def test_what_cannot_be_held_out_is_refused(small):
    with pytest.raises(SchemaError, match="'donor_id' in the cells of every deposit"):
        split_version.fn(small.workspace, small.version, **BATCHES | {"hold_out": "donor"})


def test_an_evaluation_records_split_scores_and_comparison(small, batches):
    scored = score_annotation.fn(
        small.workspace,
        small.version,
        small.model,
        small.annotation,
        split=batches,
        seed=0,
        max_cells=100,
    )

    with small.workspace.open_catalog() as catalog:
        run = catalog.run(scored.run_id)
    summary = scored.artifact.facets["summary"]
    inputs = {edge.role: edge.artifact.digest for edge in run.inputs}
    assert inputs["split"] == batches.artifact.digest
    assert summary["split"]["kind"] == "held-out batch"
    assert set(summary["comparison"]) == {"accuracy", "macro_f1"}
    assert "celltypist" in summary["annotation"]
