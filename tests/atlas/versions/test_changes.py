import pytest

from genemamba.atlas.versions.changes import add_stores, drop_stores, settle_name
from genemamba.atlas.versions.left_out import InheritedIds, LeftOut
from genemamba.atlas.versions.manifests import AtlasManifest, StoreEntry
from genemamba.errors import InputError

QUALITY = LeftOut(reason="quality", rows="1")


def entry(name, *, digest=None, deposit=None, **more):
    return StoreEntry(
        name=name,
        digest=digest or f"sha256:{name}",
        url=f"/stores/{name}.zarr",
        n_obs=3,
        n_vars=2,
        deposit_sha256=deposit or f"{name}0123456789",
        **more,
    )


@pytest.fixture
def lung():
    return AtlasManifest(atlas="lung", stores=(entry("c"), entry("a"), entry("b")))


def places(manifest):
    return {store.name: store.position for store in manifest.history}


def test_stores_join_after_those_that_are_there_in_the_order_given(lung):
    grown = add_stores(lung, [entry("e"), entry("d")])

    assert places(grown) == {"c": 0, "a": 1, "b": 2, "e": 3, "d": 4}
    assert grown.revision == 0


def test_the_same_stores_again_are_the_same_version(lung):
    assert add_stores(lung, [entry("b"), entry("c")]) == lung
    assert add_stores(lung, [entry("b"), entry("c")]).digest == lung.digest


def test_deposit_that_comes_again_replaces_its_earlier_store_and_keeps_its_place(lung):
    changed = add_stores(lung, [entry("a", digest="sha256:new")])

    assert [(s.digest, s.position) for s in changed.history] == [
        ("sha256:c", 0),
        ("sha256:new", 1),
        ("sha256:b", 2),
    ]
    back = add_stores(changed, [entry("a")])
    assert (changed.revision, back.revision) == (1, 2)
    assert back.digest != lung.digest


def test_dropped_deposits_are_remembered_and_come_back_to_their_place(lung):
    dropped = drop_stores(lung, ["a", "c0123456"])

    assert [store.name for store in dropped.stores] == ["b"]
    assert places(dropped) == places(lung)
    assert drop_stores(dropped, ["a"]) == dropped
    back = add_stores(dropped, [entry("a")])
    assert (places(back), [store.name for store in back.dropped]) == (places(lung), ["c"])
    assert add_stores(dropped, [entry("d")]).history[-1].position == 3


def test_no_version_is_ever_repeated(lung):
    without = drop_stores(lung, ["a"])
    back = add_stores(without, [entry("a")])
    again = drop_stores(back, ["a"])

    assert len({m.digest for m in (lung, without, back, again)}) == 4


def test_only_what_the_user_left_out_stays_left_out():
    before = AtlasManifest(
        atlas="lung",
        stores=(
            entry("a", inherited=(InheritedIds(deposit="x", rows="0"),)),
            entry("b", left_out=(QUALITY, LeftOut(reason="duplicate", rows="0", kept_by="a"))),
        ),
    )

    after = add_stores(before, [entry("c", left_out=(QUALITY,))])

    assert {store.name: store.left_out for store in after.stores} == {
        "a": (),
        "b": (QUALITY,),
        "c": (QUALITY,),
    }
    assert all(store.inherited == () for store in after.stores)
    assert {s.name: s.left_out for s in drop_stores(after, ["b"]).dropped} == {"b": (QUALITY,)}


@pytest.mark.parametrize(
    ("deposits", "message"),
    [
        pytest.param(["x"], r"found 'x', which is none of c, a, b", id="unknown"),
        pytest.param(["a0"], r"found 'a0', which is none of", id="too few digits"),
        pytest.param(["a", "b", "c"], r"to stay in atlas 'lung', found all 3 dropped", id="all"),
    ],
)
def test_what_cannot_be_dropped_is_refused(lung, deposits, message):
    with pytest.raises(InputError, match=message):
        drop_stores(lung, deposits)


def test_digits_that_fit_several_deposits_are_refused():
    twins = (entry("a", deposit="12345678a"), entry("b", deposit="12345678b"))

    with pytest.raises(InputError, match="which is several of a, b"):
        drop_stores(AtlasManifest(atlas="lung", stores=twins), ["12345678"])


def test_deposit_keeps_its_name_and_another_of_that_name_gets_its_own():
    before = (entry("a", deposit="a" * 8), entry("b-12345678", deposit="12345678" * 8))

    assert settle_name(before, "other", "a" * 8) == "a"
    assert settle_name(before, "a", "feedbeef" * 8) == "a-feedbeef"
    assert settle_name(before, "b", "12345678" * 8) == "b-12345678"
    assert settle_name(before, "new", "feedbeef" * 8) == "new"
