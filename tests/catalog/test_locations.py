"""Where artifacts lie, and which files they have, as the catalog tells it."""

import hashlib
from dataclasses import replace

import pytest

from genemamba.catalog.values import ArtifactInfo, Edge
from genemamba.errors import CatalogError
from genemamba.storage import FileDigest


def folder_of(names, uri="/stores/a"):
    """A store of some files, with a digest that hashlib itself makes."""
    files = tuple(
        FileDigest(name, hashlib.sha256(name.encode()).hexdigest(), len(name)) for name in names
    )
    lines = "".join(f"{f.path}\t{f.sha256}\t{f.size_bytes}\n" for f in sorted(files))
    digest = f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}"
    return ArtifactInfo(
        digest=digest, kind="store", uri=uri, size_bytes=sum(map(len, names)),
        n_files=len(names), files=files,
    )  # fmt: skip


def record(catalog, spec, *artifacts):
    with catalog.record_run(spec) as run:
        for artifact in artifacts:
            run.add_output(artifact.uri, artifact)


def where(catalog, atlas=None):
    return [(place.uri, place.digest, place.state) for place in catalog.locations(atlas)]


def test_the_files_of_a_folder_come_back_by_path(catalog, make_spec):
    store = folder_of(["zarr.json", "X/c/10", "X/c/9", "Ä", "_"])

    record(catalog, make_spec(), store)

    assert catalog.artifact_files(store.digest) == tuple(sorted(store.files))
    assert [file.path for file in catalog.artifact_files(store.digest)] == [
        *("X/c/10", "X/c/9", "_", "zarr.json", "Ä"),
    ]


def test_files_are_recorded_once_and_also_after_the_artifact(catalog, count, make_spec):
    store = folder_of(["a", "b"])

    for number, artifact in enumerate([replace(store, files=()), store, store]):
        record(catalog, make_spec(work_key=str(number)), artifact)

    assert catalog.artifact_files(store.digest) == store.files
    assert count("artifact", "artifact_file") == [1, 2]


def test_files_that_are_not_those_of_the_digest_are_refused():
    store = folder_of(["a", "b"])

    with pytest.raises(ValueError, match=rf"Expected files that hash to {store.digest}, found "):
        replace(store, files=store.files[:1])


def test_of_artifacts_at_one_place_the_last_one_is_there(catalog, make_spec, make_artifact):
    first, second = (make_artifact(name, uri="/data/x.h5ad") for name in ("first", "second"))
    elsewhere = replace(first, uri="/copy/x.h5ad")

    record(catalog, make_spec("1"), first, elsewhere)
    record(catalog, make_spec("2"), second)

    assert where(catalog) == [
        ("/copy/x.h5ad", first.digest, "present"),
        ("/data/x.h5ad", second.digest, "present"),
    ]


def test_an_atlas_is_behind_its_versions_and_all_that_they_came_from(
    catalog, make_spec, make_artifact
):
    for name in ("lung", "liver"):
        deposit, store, manifest = (
            make_artifact(f"{name}-{kind}") for kind in ("deposit", "store", "manifest")
        )
        record(catalog, make_spec(f"{name} 1", inputs=[Edge("deposit", deposit)]), store)
        with catalog.record_run(make_spec(f"{name} 2", inputs=[Edge("store", store)])) as run:
            run.add_dataset_version("atlas", name, manifest)
        spec = make_spec(f"{name} 3", inputs=[Edge("atlas", manifest)])
        record(catalog, spec, make_artifact(f"{name}-model"))

    kinds = ("deposit", "store", "manifest")
    assert {uri for uri, _, _ in where(catalog, "lung")} == {
        f"/atlas/lung-{kind}" for kind in kinds
    }
    assert len(where(catalog)) == 8


def test_the_places_of_an_unknown_atlas_are_refused(catalog):
    with pytest.raises(CatalogError, match="Expected the name of a recorded atlas, found 'lung'"):
        catalog.locations("lung")


def test_a_place_where_an_artifact_was_lost_is_looked_for_last(catalog, make_spec, make_artifact):
    here, there = (make_artifact("store", uri=uri) for uri in ("/here", "/there"))
    record(catalog, make_spec("1"), here)
    record(catalog, make_spec("2"), there)

    catalog.record_location(there.digest, "/there", "missing")

    assert catalog.artifact(here.digest).uri == "/here"
    assert [(uri, state) for uri, _, state in where(catalog)] == [
        ("/here", "present"),
        ("/there", "missing"),
    ]
    catalog.record_location(there.digest, "/there", "present")
    assert catalog.artifact(here.digest).uri == "/there"
