"""Versions of one atlas by the tasks themselves: copies, drops, additions, kills; ids stay."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from scipy.sparse import csr_matrix, vstack

import tasks.atlas
from genemamba.atlas.versions.manifests import read_manifest
from genemamba.atlas.versions.view import AtlasView
from genemamba.errors import CatalogError, InputError
from tasks.atlas import add_to_atlas, compose_version, drop_from_atlas, find_version
from tasks.deposits import describe_deposits
from tasks.ingest import ingest_source
from tasks.outcomes import keep_accepted
from tasks.results import AtlasResult
from tasks.settings import DepositSettings
from tasks.workspace import Workspace
from tests.small_atlas import gene_ids, wide_adata
from tests.support import ROOT

GENES = gene_ids(120)

KILLER = """
import os, signal, sys
import tasks.atlas, tasks.stages
from tasks.workspace import Workspace

home, *points = sys.argv[1:]

def kill(*arguments, **options):
    os.kill(os.getpid(), signal.SIGKILL)

# One import for all: nothing is open yet when the children part.
for point in [*points, "none"]:
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        module, _, name = point.partition(":")
        if name:
            setattr(sys.modules[module], name, kill)
        workspace = Workspace(home=home, catalog_url=f"sqlite:///{home}/catalog.db")
        workspace.prepare()
        print(tasks.atlas.add_to_atlas(workspace, "both", ["one@1", "two@1"]).label, flush=True)
        os._exit(0)
    print(point, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def deposit_file(folder, name, adata):
    adata.write_h5ad(folder / f"{name}.h5ad")
    return folder / f"{name}.h5ad"


def ingest(workspace, atlas, path):
    (spec,) = describe_deposits([str(path)], DepositSettings())
    outcome = ingest_source.fn(workspace, atlas, spec, DepositSettings())
    return compose_version.fn(workspace, atlas, keep_accepted([outcome]))


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Atlases of one deposit each; half of the cells of two are those of one, under other names."""
    folder = tmp_path_factory.mktemp("versions")
    home = folder / "home"
    workspace = Workspace(home=str(home), catalog_url=f"sqlite:///{home}/catalog.db")
    first = wide_adata(n_obs=20, genes=GENES)
    second = wide_adata(n_obs=20, genes=GENES, seed=1)
    second.X = csr_matrix(vstack([first.X[5:15], second.X[10:]]))
    second.obs_names = [f"new{i}" for i in range(20)]
    ingest(workspace, "one", deposit_file(folder, "first", first))
    ingest(workspace, "two", deposit_file(folder, "second", second))
    third = wide_adata(n_obs=5, genes=GENES, seed=2)
    ingest(workspace, "three", deposit_file(folder, "third", third))
    return workspace


@pytest.fixture
def atlas(request):
    """Name of an atlas that no other test uses."""
    return f"atlas-{request.node.name.partition('[')[0][5:40]}"


def stores(version):
    return {e.name: e.n_kept for e in read_manifest(version.artifact.uri).stores}


def cells(version):
    return AtlasView.open(read_manifest(version.artifact.uri)).obs


def test_copies_are_left_out_and_the_result_says_who_keeps_them(built, atlas):
    version = add_to_atlas(built, atlas, ["one", "two@1"])

    assert stores(version) == {"first": 20, "second": 10}
    assert len(cells(version)) == 30 == len(set(cells(version)["content_hash"]))
    document = AtlasResult.gather(atlas=atlas, version=version).to_document()
    assert document["n_obs"] == 30
    assert document["duplicates"] == {"second": {"n": 10, "kept_by": {"first": 10}}}


def test_the_store_that_came_first_keeps_them(built, atlas):
    add_to_atlas(built, atlas, ["two"])

    assert stores(add_to_atlas(built, atlas, ["one"])) == {"first": 10, "second": 20}


def test_the_same_stores_again_are_the_same_version(built, atlas):
    both = add_to_atlas(built, atlas, ["one", "two"])

    again = [add_to_atlas(built, atlas, refs) for refs in (["one"], ["two", "one"])]

    assert [(v.label, v.artifact.digest) for v in again] == [(both.label, both.artifact.digest)] * 2


def test_cells_keep_their_ids_through_every_version(built, atlas):
    before = cells(add_to_atlas(built, atlas, ["one", "two"]))
    dropped = drop_from_atlas(built, atlas, ["first"])
    without = cells(dropped)
    back = add_to_atlas(built, atlas, ["first"])

    assert (dropped.label, back.label) == (f"{atlas}@2", f"{atlas}@3")
    by_content = [dict(zip(o["content_hash"], o.index, strict=True)) for o in (before, without)]
    assert len(without) == 20
    assert {by_content[0][cell] for cell in by_content[1]} == set(without.index)
    assert cells(back).equals(before)
    assert find_version(built, atlas).label == f"{atlas}@3"


def test_dropping_twice_changes_nothing(built, atlas):
    add_to_atlas(built, atlas, ["one", "two"])

    labels = [drop_from_atlas(built, atlas, ["second"]).label for _ in range(2)]

    assert labels == [f"{atlas}@2"] * 2


def test_drops_and_additions_are_on_record_as_runs(built, atlas):
    add_to_atlas(built, atlas, ["one", "two"])
    version = drop_from_atlas(built, atlas, ["second"])

    with built.open_catalog() as catalog:
        run = catalog.run(version.run_id)

    assert (run.stage, run.status, run.params["dropped"]) == ("compose", "completed", ["second"])
    assert [edge.role for edge in run.inputs] == ["store"]


def test_a_store_is_found_by_path_and_by_digest(built, atlas):
    one, two = (
        read_manifest(find_version(built, name).artifact.uri).stores[0] for name in ("one", "two")
    )

    version = add_to_atlas(built, atlas, [one.url, two.digest.removeprefix("sha256:")[:12]])

    assert stores(version) == {"first": 20, "second": 10}


@pytest.mark.parametrize(
    ("refs", "message"),
    [
        pytest.param(["nothing"], "'nothing' to be a store, an atlas or a dropped", id="unknown"),
        pytest.param(["model:x@1"], "'model:x@1' to be a store", id="model"),
    ],
)
def test_what_is_no_store_is_refused_and_makes_no_version(built, atlas, refs, message):
    with pytest.raises(InputError, match=message):
        add_to_atlas(built, atlas, ["one", *refs])
    with pytest.raises(CatalogError, match=atlas):
        find_version(built, atlas)


def test_a_name_that_means_an_atlas_and_a_dropped_deposit_is_refused(built, tmp_path, atlas):
    add_to_atlas(built, atlas, ["one", "two"])
    ingest(built, "first", deposit_file(tmp_path, "x", wide_adata(n_obs=5, genes=GENES, seed=9)))

    with pytest.raises(InputError, match="one meaning of 'first', found an atlas, and a deposit"):
        add_to_atlas(built, atlas, ["first"])


def test_nothing_can_be_dropped_from_an_atlas_that_is_not_there(built, atlas):
    with pytest.raises(CatalogError, match=f"recorded atlas, found '{atlas}'"):
        drop_from_atlas(built, atlas, ["first"])


def test_killed_anywhere_and_run_again_gives_the_same_manifest(built):
    expected = add_to_atlas(built, "unkilled", ["one@1", "two@1"])
    points = [
        "tasks.atlas:leave_out_duplicates",
        "tasks.atlas:write_manifest",
        "tasks.stages:_record",
    ]

    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", KILLER, built.home, *points],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    killed = [f"{point} {-signal.SIGKILL}" for point in points]
    assert done.stdout.splitlines() == [*killed, "both@1", "none 0"], done.stderr
    found = Path(find_version(built, "both").artifact.uri).read_text()
    assert found == Path(expected.artifact.uri).read_text().replace('"unkilled"', '"both"')


def test_what_another_process_drops_meanwhile_is_not_undone(built, atlas, monkeypatch):
    add_to_atlas(built, atlas, ["one", "two"])
    write, calls = tasks.atlas.write_manifest, []

    def write_after_another_process(*arguments, **options):
        if not calls:
            calls.append(1)
            drop_from_atlas(built, atlas, ["first"])
        write(*arguments, **options)

    monkeypatch.setattr(tasks.atlas, "write_manifest", write_after_another_process)
    version = add_to_atlas(built, atlas, ["three"])

    assert (version.label, stores(version)) == (f"{atlas}@3", {"second": 20, "third": 5})
