import json

import pytest

from genemamba.atlas.versions import (
    AtlasManifest,
    StoreEntry,
    merge_stores,
    read_manifest,
    settle_name,
    write_manifest,
)
from genemamba.errors import SchemaError, StoreError


def entry(name, *, digest="sha256:d", url="/stores/x.zarr", deposit=None):
    return StoreEntry(
        name=name, digest=digest, url=url, n_obs=3, n_vars=2, deposit_sha256=deposit or name * 8
    )


def test_digest_ignores_order_and_places_but_not_contents():
    one = AtlasManifest(atlas="lung", stores=(entry("a"), entry("b")))
    moved = AtlasManifest(atlas="lung", stores=(entry("b", url="s3://x/b"), entry("a")))
    other = AtlasManifest(atlas="lung", stores=(entry("a", digest="sha256:e"), entry("b")))

    assert one.digest == moved.digest
    assert one.digest != other.digest
    assert one.digest != AtlasManifest(atlas="skin", stores=one.stores).digest
    assert one.n_obs == 6


def test_manifest_survives_json_and_its_json_is_canonical(tmp_path):
    manifest = AtlasManifest(atlas="lung", stores=(entry("b"), entry("a")))
    write_manifest(manifest, str(tmp_path / "m.json"), home=str(tmp_path))

    assert read_manifest(str(tmp_path / "m.json")) == manifest
    document = json.loads(manifest.to_json())
    assert [store["name"] for store in document["stores"]] == ["a", "b"]
    assert manifest.to_json() == AtlasManifest.from_json(manifest.to_json()).to_json()


@pytest.mark.parametrize(
    "stores",
    [(entry("a"), entry("a", deposit="z")), (entry("a"), entry("b", deposit="a" * 8))],
    ids=["same_name", "same_deposit"],
)
def test_one_deposit_cannot_be_listed_twice(stores):
    with pytest.raises(SchemaError, match="stores that differ in"):
        AtlasManifest(atlas="lung", stores=stores)


def test_deposit_that_comes_again_replaces_its_earlier_store():
    before = (entry("a"), entry("b"), entry("c"))
    renamed = entry("b2", deposit="b" * 8)
    changed = entry("a", digest="sha256:new")

    assert merge_stores(before, [renamed, changed]) == (entry("c"), renamed, changed)


def test_deposit_keeps_its_name_and_another_of_that_name_gets_its_own():
    before = (entry("a"), entry("b-12345678", deposit="12345678" * 8))

    assert settle_name(before, "other", "a" * 8) == "a"
    assert settle_name(before, "a", "feedbeef" * 8) == "a-feedbeef"
    assert settle_name(before, "b", "12345678" * 8) == "b-12345678"
    assert settle_name(before, "new", "feedbeef" * 8) == "new"


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"atlas": "a", "stores": [{"name": "x"}]}'], ids=["cut", "list", "fields"]
)
def test_text_that_is_no_manifest_is_refused(text):
    with pytest.raises(StoreError, match="Expected an atlas manifest, found text that is none"):
        AtlasManifest.from_json(text)


def test_missing_manifest_is_refused(tmp_path):
    with pytest.raises(StoreError, match=r"Expected an atlas manifest at .*m\.json, found nothing"):
        read_manifest(str(tmp_path / "m.json"))
