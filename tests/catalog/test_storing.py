from dataclasses import replace

import pytest

from genemamba.errors import CatalogError


def test_the_same_artifact_is_the_same_version_and_another_one_the_next(
    catalog, count, make_spec, make_artifact
):
    versions = []
    for number, name in enumerate(["one", "two", "one"]):
        with catalog.record_run(make_spec(work_key=str(number))) as run:
            atlas = run.add_dataset_version("atlas", "lung", make_artifact(name))
            model = run.add_model_version("small", make_artifact(name))
        versions.append((atlas.ref, model.ref))
        assert run.record.dataset_versions == (atlas.resolved,)
        assert run.record.model_versions == (model.resolved,)

    assert versions == [("lung@1", "small@1"), ("lung@2", "small@2"), ("lung@1", "small@1")]
    assert count("dataset", "dataset_version", "model_version") == [1, 2, 2]


def test_series_of_different_names_and_kinds_are_numbered_apart(catalog, make_spec, make_artifact):
    shared = make_artifact("shared")
    with catalog.record_run(make_spec()) as run:
        versions = [
            run.add_dataset_version("atlas", "lung", shared),
            run.add_dataset_version("atlas", "liver", shared),
            run.add_dataset_version("annotation", "lung", shared),
            run.add_dataset_version("atlas", "lung", make_artifact("other")),
        ]
    with catalog.record_run(make_spec("again")) as again:
        again.add_dataset_version("atlas", "liver", shared)

    assert [version.version_no for version in versions[1:3]] == [1, 1]
    assert [version.version_no for version in catalog.atlas_versions("lung")] == [1, 2]
    assert [version.ref for version in again.record.dataset_versions] == ["liver@1"]


def test_the_same_bytes_in_two_places_are_one_artifact(catalog, count, make_spec, make_artifact):
    for number, uri in enumerate(["/here", "/there", "/here"]):
        with catalog.record_run(make_spec(work_key=str(number))) as run:
            run.add_output("store", make_artifact("store", uri=uri))

    artifact = run.record.output("store")
    assert (artifact.uris, artifact.uri) == (("/there", "/here"), "/here")
    assert count("artifact", "artifact_location", "run_io") == [1, 2, 3]


def test_the_same_digest_with_another_size_is_a_contradiction(
    catalog, perform, make_spec, make_artifact
):
    with catalog.record_run(make_spec()) as run:
        run.add_output("store", make_artifact("store"))

    other = catalog.record_run(make_spec("other"))
    longer = make_artifact("store", size_bytes=6)
    with pytest.raises(CatalogError, match="to have 5 bytes as recorded, found 6 at /atlas/store"):
        perform(other, lambda run: run.add_output("store", longer))
    assert catalog.run(other.id).status == "failed"


def test_equal_code_and_environment_are_stored_once(catalog, count, make_spec):
    wheel = replace(make_spec().code, git_commit=None)
    for number, code in enumerate([make_spec().code, wheel, wheel]):
        with catalog.record_run(make_spec(work_key=str(number), code=code)) as run:
            pass

    assert run.record.code == wheel
    assert count("transform", "environment") == [2, 1]
