"""``genemamba atlas`` show, drop, add and export, on two deposits that share cells."""

import json
import tomllib

import anndata as ad
import numpy as np
import pytest
from scipy.sparse import csr_matrix, vstack

from genemamba.atlas.versions.lazy import open_atlas
from genemamba.atlas.versions.manifests import read_manifest
from tasks.atlas import compose_version, find_version
from tasks.deposits import describe_deposits
from tasks.ingest import ingest_source
from tasks.outcomes import keep_accepted
from tasks.settings import DepositSettings
from tasks.workspace import Workspace
from tests.small_atlas import gene_ids, wide_adata
from tests.support import ROOT


@pytest.fixture
def commands(tmp_path, monkeypatch):
    """The entry points of this checkout, whatever an older installation had."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    info = tmp_path / "installed" / f"{project['name'].replace('-', '_')}-0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Name: {project['name']}\nVersion: 0\n")
    groups = project["entry-points"].items()
    (info / "entry_points.txt").write_text(
        "".join(
            f"[{group}]\n" + "".join(f"{name} = {target}\n" for name, target in points.items())
            for group, points in groups
        )
    )
    monkeypatch.syspath_prepend(info.parent)


@pytest.fixture
def lung(home, commands):
    """An atlas of a deposit and a later one, of which half are the first one's cells."""
    workspace = Workspace(home=str(home), catalog_url=f"sqlite:///{home}/catalog.db")
    first = wide_adata(n_obs=8, genes=gene_ids(120))
    second = wide_adata(n_obs=6, genes=gene_ids(120), seed=1)
    second.X = csr_matrix(vstack([first.X[:3], second.X[3:]]))
    entries = []
    for name, adata in {"first": first, "second": second}.items():
        path = home.parent / f"{name}.h5ad"
        adata.write_h5ad(path)
        (spec,) = describe_deposits([str(path)], DepositSettings())
        entries += keep_accepted([ingest_source.fn(workspace, "lung", spec, DepositSettings())])
    compose_version.fn(workspace, "lung", entries)
    return workspace


def document(done):
    assert (done.code, done.err) == (0, "")
    return json.loads(done.out)


def test_versions_of_an_atlas_are_made_shown_and_exported(run, lung, tmp_path):
    shown = document(run("atlas", "show", "lung", "--json"))
    assert shown["left_out"] == {"second": {"quality": 0, "duplicates": 3, "kept_by": {"first": 3}}}
    assert [(s["name"], s["n_obs"], s["n_kept"]) for s in shown["stores"]] == [
        ("first", 8, 8),
        ("second", 6, 3),
    ]
    assert shown["n_obs"] == shown["versions"][0]["n_obs"] == 11

    dropped = document(run("atlas", "drop", "lung", "first", "--json"))
    assert (dropped["atlas_version"], dropped["n_obs"], dropped["duplicates"]) == ("lung@2", 6, {})
    assert [stage["stage"] for stage in dropped["stages"]] == ["compose"]
    second = document(run("atlas", "show", "lung", "--json"))
    assert [s["name"] for s in second["dropped"]] == ["first"]
    assert document(run("atlas", "show", "lung@1", "--json"))["stores"] == shown["stores"]

    added = document(run("atlas", "add", "skin", "lung@1", "--json"))
    assert (added["atlas_version"], added["n_obs"]) == ("skin@1", 11)
    assert added["duplicates"] == {"second": {"n": 3, "kept_by": {"first": 3}}}

    out = tmp_path / "lung.h5ad"
    facts = document(run("atlas", "export", "lung@2", out, "--json"))
    expected = open_atlas(read_manifest(find_version(lung, "lung@2").artifact.uri))
    found = ad.read_h5ad(out)
    assert facts == {"out": str(out), "n_obs": 6, "n_vars": 120}
    assert found.obs_names.tolist() == expected.obs_names.tolist()
    np.testing.assert_array_equal(found.X.toarray(), expected.X.compute().toarray())


def test_tables_say_what_is_left_out_and_what_was_dropped(run, lung):
    shown = [line.split() for line in run("atlas", "show", "lung").out.splitlines()]
    dropped = run("atlas", "drop", "lung", "second")

    assert ["second", "3", "duplicate", "first"] in shown
    assert dropped.code == 0
    lines = [line.split() for line in run("atlas", "show", "lung").out.splitlines()]
    assert ["dropped", "cells", "genes", "deposit", "where"] in lines
    assert run("atlas", "add", "lung", "second").out.splitlines()[-1] == (
        "  second: 3 cells left out, kept by first"
    )


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        pytest.param(["drop", "lung", "third"], 2, "found 'third', which is none of", id="drop"),
        pytest.param(["drop", "skin", "first"], 1, "a recorded atlas, found 'skin'", id="atlas"),
        pytest.param(["add", "lung", "third"], 2, "'third' to be a store, an atlas", id="add"),
        pytest.param(["add", "a b", "lung"], 2, "Expected letters, digits", id="name"),
        pytest.param(["export", "lung", "x.csv"], 2, r"ends in .h5ad or .zarr", id="export"),
    ],
)
def test_what_cannot_be_done_is_refused_and_changes_nothing(run, lung, command, code, message):
    done = run("atlas", *command)

    assert (done.code, message in done.err) == (code, True), done.err
    assert len(document(run("atlas", "show", "lung", "--json"))["versions"]) == 1


def test_all_commands_are_offered(run, commands):
    listed = run("atlas", "--help").out.partition("Commands:")[2].splitlines()

    assert [line.split()[0] for line in listed if line] == ["add", "drop", "export", "list", "show"]
