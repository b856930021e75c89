"""``genemamba audit verify`` on a small atlas that is damaged on purpose."""

import json
import shutil
from pathlib import Path

import pytest

from genemamba.storage import tree_manifest
from tests.small_home import small_home


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A home that no test touches."""
    return small_home(tmp_path_factory.mktemp("made"))


@pytest.fixture
def small(made, monkeypatch):
    """The small home; what a test does to its store and deposit is taken back."""
    monkeypatch.setenv("GENEMAMBA_HOME", made.workspace.home)
    kept = made.deposit.with_name("kept")
    shutil.copytree(store_of(made), kept / "store")
    shutil.copy(made.deposit, kept / "deposit")
    yield made
    shutil.rmtree(store_of(made), ignore_errors=True)
    shutil.copytree(kept / "store", store_of(made))
    shutil.copy(kept / "deposit", made.deposit)
    shutil.rmtree(kept)


def store_of(small):
    return Path(small.outcome.entry.url)


def a_shard(store):
    """The largest file: a shard of the counts."""
    return max(
        (path for path in store.rglob("c/*") if path.is_file()), key=lambda p: p.stat().st_size
    )


def flip_a_byte(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.fixture
def verify(run, small):
    """Audit, and return the exit code and the JSON document."""

    def verify_with(*arguments):
        done = run("audit", "verify", *arguments, "--json")
        assert done.err == ""
        return done.code, json.loads(done.out)

    return verify_with


def test_an_untouched_home_is_all_as_recorded(verify, small):
    code, document = verify()

    sizes = [
        tree_manifest(str(path)).size_bytes
        for path in (
            small.deposit,
            *(Path(stage.artifact.uri) for stage in (small.version, small.model)),
            *(
                Path(stage.artifact.uri)
                for stage in (small.embedding, small.annotation, small.scores)
            ),
            Path(small.reference.artifact.uri),
            store_of(small),
        )
    ]
    assert code == 0
    assert document == {
        "ok": True,
        "artifacts": 8,
        "size_bytes": sum(sizes),
        "faults": [],
        "remedy": None,
    }


def test_one_flipped_bit_in_a_shard_is_named(verify, run, small):
    shard = a_shard(store_of(small))
    before = tree_manifest(str(shard)).digest
    flip_a_byte(shard)

    code, document = verify()
    table = run("audit", "verify")

    assert code == table.code == 1
    assert document["faults"] == [
        {
            "file": str(shard),
            "fault": "changed",
            "expected": before,
            "found": tree_manifest(str(shard)).digest,
            "path": str(shard.relative_to(store_of(small))),
            "artifact": small.outcome.entry.digest,
            "kind": "store",
            "uri": str(store_of(small)),
        }
    ]
    assert document["remedy"] in table.err
    assert [str(shard), "changed", small.outcome.entry.digest[7:19], "store"] in [
        line.split() for line in table.out.splitlines()
    ]


def test_missing_and_added_files_are_named(verify, small):
    shard = a_shard(store_of(small))
    shard.unlink()
    (store_of(small) / "notes.txt").write_text("mine")

    code, document = verify()

    found = {fault["path"]: fault["fault"] for fault in document["faults"]}
    assert code == 1
    assert found == {str(shard.relative_to(store_of(small))): "missing", "notes.txt": "added"}


def test_the_catalog_remembers_what_was_found_until_it_is_mended(verify, small):
    def state():
        with small.workspace.open_catalog() as catalog:
            places = {place.uri: place.state for place in catalog.locations()}
        return places[str(store_of(small))]

    verify()
    shard = a_shard(store_of(small))
    states = [state()]
    for damage in (
        lambda: flip_a_byte(shard),
        lambda: flip_a_byte(shard),
        lambda: store_of(small).rename(small.deposit.with_name("moved")),
        lambda: small.deposit.with_name("moved").rename(store_of(small)),
    ):
        damage()
        verify()
        states.append(state())

    assert states == ["present", "mismatch", "present", "missing", "present"]


def test_deposits_are_left_out_where_that_is_asked_for(verify, small):
    small.deposit.unlink()

    with_deposits, without = verify(), verify("--no-deposits")

    assert (with_deposits[0], without[0]) == (1, 0)
    (fault,) = with_deposits[1]["faults"]
    assert (fault["file"], fault["fault"]) == (str(small.deposit), "missing")
    assert without[1]["artifacts"] == 7


def test_only_what_is_behind_an_atlas_is_looked_at(verify, small):
    flip_a_byte(Path(small.scores.artifact.uri))
    try:
        everything, atlas = verify(), verify("--atlas", "small")
    finally:
        flip_a_byte(Path(small.scores.artifact.uri))

    assert (everything[0], atlas[0]) == (1, 0)
    assert atlas[1]["artifacts"] == 4


def test_an_unknown_atlas_is_refused(run, small):
    done = run("audit", "verify", "--atlas", "x")

    assert done.code == 1
    assert "Expected the name of a recorded atlas, found 'x'" in done.err


def test_an_untouched_home_is_told_in_one_line(run, small):
    done = run("audit", "verify")

    assert done.code == 0
    assert done.out.startswith("8 artifacts, ")
    assert done.out.endswith("MB: all as recorded\n")
