import json

import pytest

from genemamba.atlas.versions.left_out import InheritedIds, LeftOut
from genemamba.atlas.versions.manifests import (
    AtlasManifest,
    StoreEntry,
    read_manifest,
    write_manifest,
)
from genemamba.errors import SchemaError, StoreError


def entry(name, *, digest="sha256:d", url="/stores/x.zarr", deposit=None, **more):
    return StoreEntry(
        name=name,
        digest=digest,
        url=url,
        n_obs=3,
        n_vars=2,
        deposit_sha256=deposit or name * 8,
        **more,
    )


LEFT_OUT = (
    LeftOut(reason="quality", rows="0"),
    LeftOut(reason="duplicate", rows="2", kept_by="a"),
)
RICH = AtlasManifest(
    atlas="lung",
    stores=(
        entry("b", left_out=LEFT_OUT, position=2),
        entry("a", inherited=(InheritedIds(deposit="0" * 12, rows="0-1", names=("x", "y")),)),
    ),
    dropped=(entry("c", position=0),),
    revision=1,
)


def test_digest_ignores_listing_and_places_but_not_contents_nor_precedence():
    one = AtlasManifest(atlas="lung", stores=(entry("a"), entry("b")))
    moved = AtlasManifest(
        atlas="lung", stores=(entry("b", url="s3://x/b", position=1), entry("a", position=0))
    )
    others = [
        AtlasManifest(atlas="lung", stores=(entry("a", digest="sha256:e"), entry("b"))),
        AtlasManifest(atlas="lung", stores=(entry("b"), entry("a"))),
        AtlasManifest(atlas="lung", stores=(entry("a"), entry("b", left_out=LEFT_OUT[:1]))),
        AtlasManifest(atlas="lung", stores=(entry("a"), entry("b")), revision=1),
        AtlasManifest(atlas="skin", stores=one.stores),
    ]

    assert one.digest == moved.digest
    assert len({one.digest, *(other.digest for other in others)}) == 6
    assert one.n_obs == 6


def test_cells_that_are_left_out_are_not_counted():
    kept = {store.name: store.kept_rows().tolist() for store in RICH.stores}

    assert kept == {"a": [0, 1, 2], "b": [1]}
    assert RICH.n_obs == 4


def test_history_is_by_first_arrival_and_names_dropped_stores_too():
    assert [store.name for store in RICH.history] == ["c", "b", "a"]
    assert [store.position for store in RICH.history] == [0, 2, 3]


@pytest.mark.parametrize(
    "manifest",
    [RICH, AtlasManifest(atlas="lung", stores=(entry("b"), entry("a")))],
    ids=["rich", "plain"],
)
def test_everything_in_a_manifest_survives_json(manifest, tmp_path):
    write_manifest(manifest, str(tmp_path / "m.json"), home=str(tmp_path))

    assert read_manifest(str(tmp_path / "m.json")) == manifest


def test_rows_are_readable_in_the_json():
    document = json.loads(RICH.to_json())

    assert document["stores"][1]["left_out"] == [
        {"reason": "quality", "rows": "0"},
        {"reason": "duplicate", "rows": "2", "kept_by": "a"},
    ]
    assert document["stores"][0]["inherited"] == [
        {"deposit": "0" * 12, "rows": "0-1", "names": ["x", "y"]}
    ]
    assert "left_out" not in document["stores"][0]
    assert (document["dropped"][0]["name"], document["revision"]) == ("c", 1)


def test_manifest_without_positions_as_older_versions_wrote_it_still_reads():
    text = json.dumps(
        {
            "atlas": "lung",
            "stores": [
                {
                    "name": name,
                    "digest": "sha256:d",
                    "url": "stores/x.zarr",
                    "n_obs": 3,
                    "n_vars": 2,
                    "deposit_sha256": name * 8,
                }
                for name in "ab"
            ],
        }
    )

    manifest = AtlasManifest.from_json(text)

    assert [(store.name, store.position, store.n_kept) for store in manifest.stores] == [
        ("a", 0, 3),
        ("b", 1, 3),
    ]


def test_a_keeper_that_is_not_listed_is_refused():
    with pytest.raises(StoreError, match=r"Expected keepers among \['b'\], found \['a'\]"):
        AtlasManifest(atlas="lung", stores=(entry("b", left_out=LEFT_OUT),))


def test_manifest_survives_json_and_its_json_is_canonical(tmp_path):
    manifest = AtlasManifest(atlas="lung", stores=(entry("b"), entry("a")))
    write_manifest(manifest, str(tmp_path / "m.json"), home=str(tmp_path))

    assert read_manifest(str(tmp_path / "m.json")) == manifest
    document = json.loads(manifest.to_json())
    assert [store["name"] for store in document["stores"]] == ["a", "b"]
    assert manifest.to_json() == AtlasManifest.from_json(manifest.to_json()).to_json()


@pytest.mark.parametrize(
    "stores",
    [
        (entry("a"), entry("a", deposit="z")),
        (entry("a"), entry("b", deposit="a" * 8)),
        (entry("a", position=1), entry("b", position=1)),
    ],
    ids=["same_name", "same_deposit", "same_position"],
)
def test_one_deposit_cannot_be_listed_twice(stores):
    with pytest.raises(SchemaError, match="stores that differ in"):
        AtlasManifest(atlas="lung", stores=stores)


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"atlas": "a", "stores": [{"name": "x"}]}'], ids=["cut", "list", "fields"]
)
def test_text_that_is_no_manifest_is_refused(text):
    with pytest.raises(StoreError, match="Expected an atlas manifest, found text that is none"):
        AtlasManifest.from_json(text)


def test_missing_manifest_is_refused(tmp_path):
    with pytest.raises(StoreError, match=r"Expected an atlas manifest at .*m\.json, found nothing"):
        read_manifest(str(tmp_path / "m.json"))
