"""The main job, end to end, as a user runs it."""

import sqlite3
from pathlib import Path

import anndata as ad
import numpy as np
import pytest

from tests.support import genemamba

EMBEDDINGS = {"X_genemamba", "X_pca", "X_harmony", "random", "perfect", "shuffled"}
METHODS = {
    "genemamba",
    "logistic_regression_pca",
    "knn_pca",
    "celltypist",
    "majority_vote",
    "random_labels",
}


def stages_by_reuse(document):
    return {(stage["stage"], stage["reused"]) for stage in document["stages"]}


def count_rows(home, table):
    with sqlite3.connect(home / "catalog.db") as connection:
        return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def test_two_deposits_become_one_scored_atlas_version(main_job):
    _, done = main_job
    document = done.document

    assert document["atlas_version"] == "pbmc@1"
    assert document["model"]["ref"] == "pbmc-tiny@1"
    assert [(d["name"], d["verdict"], d["n_obs"]) for d in document["deposits"]] == [
        ("10x_pbmc68k_reduced", "accepted", 619),
        ("sample_cell_by_gene", "accepted", 559),
    ]
    assert set(document["integration"]) == EMBEDDINGS
    assert set(document["annotation"]) == METHODS
    assert document["split"]["kind"] == "held-out cells"
    assert Path(document["report"]).is_file()


def test_controls_bound_every_embedding(main_job):
    _, done = main_job
    integration = done.document["integration"]

    for name in ("X_genemamba", "X_pca"):
        assert integration["random"]["bio_conservation"] < integration[name]["bio_conservation"]
        assert integration[name]["bio_conservation"] < integration["perfect"]["bio_conservation"]


def test_every_cell_has_embedding_label_and_confidence(main_job):
    _, done = main_job

    adata = ad.read_zarr(done.document["annotation_store"])

    assert adata.n_obs == 619 + 559
    assert np.isfinite(adata.obsm["X_genemamba"]).all()
    assert adata.obs["cell_type_pred_confidence"].between(0, 1).all()
    known = set(adata.obs["cell_type"].unique()) | {"unknown"}
    assert set(adata.obs["cell_type_pred"].unique()) <= known


def test_standard_output_holds_json_alone_and_nothing_reaches_standard_error(main_job):
    _, done = main_job

    assert done.document["atlas"] == "pbmc"
    assert done.stderr == ""


def test_the_same_command_does_no_work_twice(main_job, run_main_job):
    home, first = main_job
    before = {table: count_rows(home, table) for table in ("run", "metric", "artifact")}

    again = run_main_job(home)

    assert again.returncode == 0
    assert {reused for _, reused in stages_by_reuse(again.document)} == {True}
    assert again.document["integration"] == first.document["integration"]
    assert {table: count_rows(home, table) for table in before} == before


def test_a_new_threshold_redoes_only_what_depends_on_it(main_job, run_main_job):
    home, _ = main_job

    done = run_main_job(home, "--threshold", "0.9")

    assert stages_by_reuse(done.document) == {
        ("ingest", True),
        ("compose", True),
        ("pretrain", True),
        ("embed", True),
        ("split", True),
        ("annotate", False),
        ("evaluate", False),
        ("report", False),
        ("model-card", False),
    }


def test_two_homes_give_the_same_stores_model_and_metrics(main_job, run_main_job, workplace):
    _, first = main_job

    second = run_main_job(workplace / "second")

    assert second.document["integration"] == first.document["integration"]
    assert second.document["annotation"] == first.document["annotation"]
    digests = [
        {
            s["stage"]: s["digest"]
            for s in done.document["stages"]
            if s["stage"] in ("ingest", "pretrain")
        }
        for done in (first, second)
    ]
    assert digests[0] == digests[1]


def test_the_history_has_every_number_with_what_made_it(main_job):
    home, done = main_job

    metrics = genemamba(home, "history", "--atlas", "pbmc", "--json").document["metrics"]

    recorded = {
        (m["subject"], m["name"]): m["value"]
        for m in metrics
        if m["run_id"] == run_of(done, "evaluate")
    }
    shown = {
        (subject, name): value
        for table in (done.document["integration"], done.document["annotation"])
        for subject, values in table.items()
        for name, value in values.items()
        if isinstance(value, float | None)
    }
    shown |= {
        (f"genemamba - {compared['baseline']}", f"{metric}_difference"): compared["difference"]
        for metric, compared in done.document["comparison"].items()
    }
    recorded = {key: value for key, value in recorded.items() if key in shown}
    assert recorded == pytest.approx(shown, nan_ok=True)
    assert {m["implementation"].partition("@")[0] for m in metrics} == {
        "scib-metrics",
        "genemamba-atlas",
        "torch",
    }
    assert all(m["code"]["source_digest"].startswith("sha256:") for m in metrics)


def run_of(done, stage):
    return next(s["run"] for s in done.document["stages"] if s["stage"] == stage)


def test_the_lineage_of_the_report_leads_back_to_both_deposits(main_job, reference, query):
    home, done = main_job

    found = genemamba(home, "lineage", done.document["report"], "--json").document

    deposits = {
        n["uris"][-1] for n in found["nodes"] if n["node"] == "artifact" and n["kind"] == "deposit"
    }
    stages = {n["stage"] for n in found["nodes"] if n["node"] == "run"}
    assert deposits == {str(reference), str(query)}
    assert stages == {
        "reference",
        "ingest",
        "compose",
        "pretrain",
        "embed",
        "annotate",
        "split",
        "evaluate",
        "report",
    }


def test_the_lineage_of_a_deposit_leads_down_to_the_report(main_job, query):
    home, _ = main_job

    found = genemamba(home, "lineage", query, "--downstream", "--json").document

    kinds = {n["kind"] for n in found["nodes"] if n["node"] == "artifact"}
    assert kinds == {
        "deposit",
        "store",
        "manifest",
        "checkpoint",
        "embedding",
        "annotation",
        "split",
        "evaluation",
        "report",
        "model-card",
    }


def test_an_atlas_shows_its_versions_and_stores(main_job):
    home, _ = main_job

    shown = genemamba(home, "atlas", "show", "pbmc", "--json").document
    listed = genemamba(home, "atlas", "list", "--json").document

    assert [version["n_obs"] for version in shown["versions"]] == [1178]
    assert [store["name"] for store in shown["stores"]] == [
        "10x_pbmc68k_reduced",
        "sample_cell_by_gene",
    ]
    assert [(a["ref"], a["n_obs"], a["stores"]) for a in listed["atlases"]] == [("pbmc@1", 1178, 2)]


@pytest.mark.parametrize(
    "suffix", [pytest.param(".h5ad", id="h5ad"), pytest.param(".zarr", id="zarr")]
)
def test_an_export_holds_counts_labels_and_provenance(main_job, tmp_path, suffix):
    home, done = main_job
    out = tmp_path / f"pbmc{suffix}"

    exported = genemamba(home, "export", "--atlas", "pbmc", out, "--json")

    adata = ad.read_h5ad(out) if suffix == ".h5ad" else ad.read_zarr(out)
    annotation = ad.read_zarr(done.document["annotation_store"])
    assert exported.document["n_obs"] == adata.n_obs == 1178
    assert (adata.X.data % 1 == 0).all()
    np.testing.assert_array_equal(
        adata[annotation.obs_names].obsm["X_genemamba"], annotation.obsm["X_genemamba"]
    )
    assert adata.uns["genemamba"]["inputs"]["atlas"].startswith("sha256:")
