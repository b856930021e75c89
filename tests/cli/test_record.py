"""Atlas, model, history, lineage and export: on an empty catalog, a small one, and bad names."""

import json
import math

import anndata as ad
import pytest

from genemamba.storage import tree_manifest
from tests.small_home import small_home


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return small_home(tmp_path_factory.mktemp("small"))


@pytest.fixture
def ask(run, small, monkeypatch):
    """Run a command on the small home and read its JSON document."""
    monkeypatch.setenv("GENEMAMBA_HOME", small.workspace.home)

    def ask_for(*arguments):
        done = run(*arguments, "--json")
        assert (done.code, done.err) == (0, "")
        return json.loads(done.out)

    return ask_for


@pytest.fixture
def show(run, small, monkeypatch):
    """Run a command on the small home and split its table into words."""
    monkeypatch.setenv("GENEMAMBA_HOME", small.workspace.home)

    def show_for(*arguments):
        done = run(*arguments)
        assert (done.code, done.err) == (0, "")
        return [line.split() for line in done.out.splitlines()]

    return show_for


@pytest.mark.parametrize(
    ("command", "document"),
    [
        pytest.param(["atlas", "list"], {"atlases": []}, id="atlases"),
        pytest.param(["model", "list"], {"models": []}, id="models"),
    ],
)
def test_an_empty_catalog_has_empty_lists(run, command, document):
    done = run(*command, "--json")

    assert (done.code, json.loads(done.out)) == (0, document)
    assert len(run(*command).out.splitlines()) == 1


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        pytest.param(["atlas", "show", "x"], "the name of a recorded atlas, found 'x'", id="atlas"),
        pytest.param(["model", "show", "x@2"], "a model version, found 'x@2'", id="model"),
        pytest.param(
            ["history", "--atlas", "x"], "the name of a recorded atlas, found 'x'", id="history"
        ),
        pytest.param(
            ["lineage", "x"], "a digest, a name, a recorded path or a run, found 'x'", id="lineage"
        ),
        pytest.param(
            ["export", "--atlas", "x", "x.h5ad"],
            "the name of a recorded annotation, found 'x'",
            id="export",
        ),
    ],
)
def test_an_unknown_name_fails_and_says_what_is_known(run, small, monkeypatch, command, expected):
    empty = run(*command)
    monkeypatch.setenv("GENEMAMBA_HOME", small.workspace.home)
    filled = run(*command)

    known = "annotation:small@1, atlas:small@1, embedding:small@1, model:small-tiny@1"
    assert empty == (1, "", f"genemamba: Expected {expected}. Known: nothing yet.\n")
    assert filled == (1, "", f"genemamba: Expected {expected}. Known: {known}.\n")


def test_an_atlas_is_listed_and_shown_with_its_stores(ask, small):
    (listed,) = ask("atlas", "list")["atlases"]
    shown = ask("atlas", "show", "small")

    assert (listed["ref"], listed["n_obs"], listed["stores"]) == ("small@1", 60, 1)
    assert listed["digest"] == small.version.artifact.digest
    assert shown["versions"] == [listed]
    assert shown["stores"] == [
        {
            "name": "study",
            "position": 0,
            "n_obs": 60,
            "n_kept": 60,
            "n_vars": 60,
            "digest": small.outcome.entry.digest,
            "deposit_sha256": tree_manifest(str(small.deposit)).digest.removeprefix("sha256:"),
            "url": small.outcome.entry.url,
        }
    ]


def test_an_atlas_is_shown_as_tables(show, small):
    assert show("atlas", "list")[1][:4] == ["small", "small@1", "60", "1"]
    assert show("atlas", "show", "small")[-1] == [
        "study",
        "60",
        "60",
        small.outcome.entry.deposit_sha256[:12],
        small.outcome.entry.url,
    ]


def test_a_model_is_listed_and_shown_by_name_number_and_digest(ask, small):
    (listed,) = ask("model", "list")["models"]

    assert listed["digest"] == small.model.artifact.digest
    assert (listed["ref"], listed["preset"], listed["steps"]) == ("small-tiny@1", "tiny", 3)
    for ref in ("small-tiny", "small-tiny@1", small.model.artifact.digest):
        assert ask("model", "show", ref) == listed


def test_the_history_is_filtered_by_metric_and_subject(ask):
    every = ask("history", "--atlas", "small")["metrics"]

    scores = [metric for metric in every if metric["subject"] == "genemamba"]
    assert [(m["name"], m["value"], m["ci_low"]) for m in scores] == [
        ("accuracy", 0.75, 0.5),
        ("macro_f1", None, None),
    ]
    of_training = {m["name"]: m["value"] for m in every if m["subject"] == "small-tiny"}
    assert of_training.keys() == {
        *("training_loss", "validation_loss", "validation_perplexity"),
        *("tokens_per_s", "utilisation"),
    }
    assert of_training["validation_perplexity"] == math.exp(of_training["validation_loss"])
    assert len(every) == len(scores) + len(of_training)
    assert ask("history", "--atlas", "small", "--metric", "accuracy")["metrics"] == scores[:1]
    assert ask("history", "--atlas", "small", "--subject", "other") == {"metrics": []}


def test_the_history_is_shown_as_a_table(show, small):
    (row,) = show("history", "--atlas", "small", "--metric", "accuracy")[1:]

    assert row[2:] == [
        *("small@1", "small-tiny@1", "genemamba", "accuracy", "0.750"),
        *("0.500", "to", "0.875", "60", "scikit-learn@1", small.scores.run_id[:8]),
    ]


def test_a_copy_of_a_file_has_the_lineage_of_the_file(ask, small, tmp_path):
    copy = tmp_path / "copy.h5ad"
    copy.write_bytes(small.deposit.read_bytes())

    found = ask("lineage", copy, "--downstream")

    stages = [node["stage"] for node in found["nodes"] if node["node"] == "run"]
    assert sorted(stages) == ["annotate", "compose", "embed", "evaluate", "ingest", "pretrain"]
    assert found["root"]["digest"] == tree_manifest(str(small.deposit)).digest


@pytest.mark.parametrize(
    "ref_of",
    [
        pytest.param(lambda small: small.annotation.artifact.uri, id="path"),
        pytest.param(lambda small: small.annotation.artifact.digest, id="digest"),
        pytest.param(lambda small: small.annotation.artifact.digest[7:19], id="first digits"),
        pytest.param(lambda small: "annotation:small@1", id="name"),
    ],
)
def test_the_lineage_of_an_annotation_is_found_by_any_of_its_names(ask, small, ref_of):
    found = ask("lineage", ref_of(small))

    assert found["root"]["digest"] == small.annotation.artifact.digest
    stages = {node["id"]: node["stage"] for node in found["nodes"] if node["node"] == "run"}
    assert sorted(stages.values()) == [
        "annotate", "compose", "embed", "ingest", "pretrain", "reference",
    ]  # fmt: skip
    read = {
        (stages[edge["run_id"]], edge["role"])
        for edge in found["edges"]
        if edge["direction"] == "in"
    }
    assert read == {
        ("ingest", "deposit"),
        ("ingest", "genes"),
        ("compose", "store"),
        ("pretrain", "atlas"),
        ("annotate", "atlas"),
        ("annotate", "model"),
        ("annotate", "embedding"),
        ("embed", "atlas"),
        ("embed", "model"),
    }


def test_the_lineage_is_shown_as_two_tables(show, small):
    lines = show("lineage", "small@1")

    assert [line[0] for line in lines if line] == [
        "artifact",
        *(line[0] for line in lines[1:5]),
        "run",
        *(line[0] for line in lines[7:10]),
    ]
    runs = {line[1]: line for line in lines[7:10]}
    assert set(runs) == {"ingest", "reference", "compose"}
    assert runs["compose"][0] == small.version.run_id[:8]
    assert runs["compose"][-1] == small.version.artifact.digest[7:19]


def test_a_file_that_changed_since_is_told_from_what_it_was(run, small, monkeypatch):
    monkeypatch.setenv("GENEMAMBA_HOME", small.workspace.home)
    monkeypatch.chdir(small.deposit.parent)
    content = small.deposit.read_bytes()
    try:
        small.deposit.write_bytes(b"other")
        done = run("lineage", small.deposit.name)
    finally:
        small.deposit.write_bytes(content)

    assert done.code == 1
    assert f"at '{small.deposit}', which no run made." in done.err
    assert f"That path once held {tree_manifest(str(small.deposit)).digest}." in done.err


def test_an_export_names_the_run_and_what_it_read(ask, small, tmp_path):
    out = tmp_path / "small.h5ad"

    exported = ask("export", "--atlas", "small", out)

    found = ad.read_h5ad(out)
    assert exported == {"out": str(out), "n_obs": 60, "n_vars": 60}
    assert found.shape == (60, 60)
    uns = found.uns["genemamba"]
    assert (uns["run"], uns["annotation"]) == (
        small.annotation.run_id,
        small.annotation.artifact.digest,
    )
    assert dict(uns["inputs"]) == {
        "atlas": small.version.artifact.digest,
        "model": small.model.artifact.digest,
        "embedding": small.embedding.artifact.digest,
    }


def test_an_export_to_a_name_that_is_taken_is_refused(run, small, monkeypatch, tmp_path):
    monkeypatch.setenv("GENEMAMBA_HOME", small.workspace.home)
    (tmp_path / "small.h5ad").write_text("mine")

    done = run("export", "--atlas", "small", tmp_path / "small.h5ad")

    assert done.code == 2
    assert (tmp_path / "small.h5ad").read_text() == "mine"
