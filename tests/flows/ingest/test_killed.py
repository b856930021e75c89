"""SIGKILL at every step of ``genemamba ingest``: the next attempt goes on, and nothing is lost."""

import signal
import sqlite3
from pathlib import Path
from typing import NamedTuple

import pytest

from genemamba.atlas.store import read_counts, read_obs
from genemamba.errors import StoreError
from genemamba.storage import tree_manifest
from tests.flows.ingest.conftest import Fault

KILLED = -signal.SIGKILL

READING = {
    "in pass 1": Fault("genemamba.atlas.ingest.survey:survey_span", nth=20),
    "between the passes": Fault("tasks.ingest:write_store"),
}
"""Where a process dies before there is a store."""

WRITING = {
    "between a shard and its note": Fault("pathlib:Path.rename", given="journal"),
    "in the middle of a shard": Fault(
        "fsspec.implementations.local:LocalFileSystem.pipe_file",
        given="/X/",
        nth=5,
        moment="halfway",
    ),
    "in the middle of the metadata": Fault("pathlib:Path.replace", given="X/zarr.json"),
    "before the row pointers": Fault("genemamba.atlas.ingest.writing:_write_pointers"),
    "while shards are read back": Fault("genemamba.atlas.ingest.storing:check_shard", nth=2),
    "before the commit mark": Fault("genemamba.atlas.ingest.storing:commit_store"),
    "in the middle of the commit mark": Fault(
        "pathlib:Path.replace",
        given="zarr.json",
        within="genemamba.atlas.ingest.storing:commit_store",
    ),
}
"""Where it dies while the store is not whole."""

PUBLISHING = {
    "before the store is published": Fault("tasks.stages:publish", given="/stores/"),
    "after the store is published": Fault("tasks.stages:publish", given="/stores/", moment="after"),
    "before the run is complete": Fault("tasks.stages:_record", given="ingest", moment="after"),
}
"""Where it dies when the store is whole, but no run says so."""

RECORDED = {
    "before the scratch files are removed": Fault("shutil:rmtree", given="/resume/"),
    "before the verdict is recorded": Fault("tasks.ingest:record_verdict"),
    "while duplicates are looked for": Fault("tasks.atlas:link_cells", moment="after"),
    "before the manifest is published": Fault("tasks.stages:publish", given="/manifests/"),
    "after the manifest is published": Fault(
        "tasks.stages:publish", given="/manifests/", moment="after"
    ),
    "before the version is recorded": Fault("tasks.stages:_record", given="compose"),
}
"""Where it dies when the ingest run is complete."""

STEPS = READING | WRITING | PUBLISHING | RECORDED
"""In the order of the command, so that each attempt starts from what the one before left."""


class Seen(NamedTuple):
    """What a user finds after a process was killed."""

    returncode: int
    completed: list[str]
    stores: list[str]
    versions: int
    staged: str


def rows(home, query):
    with sqlite3.connect(home / "catalog.db") as connection:
        return connection.execute(query).fetchall()


def completed(home):
    query = "SELECT stage FROM run WHERE status = 'completed' ORDER BY started_at"
    return [stage for (stage,) in rows(home, query)]


def staged_store(home):
    return next((home / "staging").glob("resume-*/artifact.zarr"), None)


def how_it_reads(store: Path | None):
    """Say whether a staged store can be read: if so, all of it."""
    if store is None:
        return "absent"
    try:
        return f"{read_counts(str(store)).nnz} counts of {len(read_obs(str(store)))} cells"
    except StoreError:
        return "refused"


def look(home, done) -> Seen:
    return Seen(
        returncode=done.returncode,
        completed=completed(home),
        stores=[tree_manifest(str(store)).digest for store in (home / "stores").glob("*")],
        versions=len(rows(home, "SELECT * FROM dataset_version")),
        staged=how_it_reads(staged_store(home)),
    )


@pytest.fixture(scope="module")
def killed(tmp_path_factory, forks, command):
    """A home in which ingest was killed at every step, what was seen each time, and the end."""
    home = tmp_path_factory.mktemp("killed") / "home"
    seen = {
        step: look(home, forks.run(home, *command, fault=fault)) for step, fault in STEPS.items()
    }
    return home, seen, forks.run(home, *command)


@pytest.mark.parametrize("step", STEPS)
def test_a_killed_process_leaves_half_of_nothing(killed, calm, step):
    _, seen, _ = killed
    _, document = calm
    (deposit,) = document["deposits"]
    if step in READING:
        staged = "absent"
    elif step in WRITING:
        staged = "refused"
    else:
        staged = f"{deposit['nnz']} counts of {deposit['n_obs']} cells"
    published = step in RECORDED or (step in PUBLISHING and step != "before the store is published")

    assert seen[step] == Seen(
        returncode=KILLED,
        completed=["reference", "ingest"] if step in RECORDED else ["reference"],
        stores=[document["stages"][0]["digest"]] if published else [],
        versions=0,
        staged="absent" if published else staged,
    )


def test_the_last_attempt_ends_as_if_nothing_had_happened(killed, calm):
    home, _, last = killed
    calm_home, document = calm

    def manifests(place):
        return {path.name: path.read_bytes() for path in (place / "manifests").iterdir()}

    assert (last.returncode, last.stderr) == (0, "")
    assert manifests(home) == manifests(calm_home)
    for mine, other in zip(last.document["stages"], document["stages"], strict=True):
        assert (mine["stage"], mine["digest"]) == (other["stage"], other["digest"])
        assert tree_manifest(mine["uri"]).digest == other["digest"]
    assert completed(home) == ["reference", "ingest", "compose"]
    assert rows(home, "SELECT count(*) FROM run WHERE status = 'running'") == [(0,)]
    assert rows(home, "SELECT count(*) FROM dataset_version") == [(1,)]


def test_nothing_of_the_killed_attempts_is_left(killed):
    home, _, _ = killed

    assert list((home / "staging").iterdir()) == []
    assert [path for path in (home / "resume").iterdir() if path.is_dir()] == []
    assert len(list((home / "stores").iterdir())) == 1
    assert len(list((home / "manifests").iterdir())) == 1


def test_shards_are_kept_if_their_bytes_are_as_noted(forks, command, calm, tmp_path):
    home, (_, document) = tmp_path / "home", calm
    forks.run(home, *command, fault=WRITING["while shards are read back"])
    store = staged_store(home)
    shards = [path.relative_to(store) for path in store.glob("X/*/c/*")]
    damaged, cut, lost, unnoted = (store / f"X/indices/c/{number}" for number in range(4))
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    cut.write_bytes(cut.read_bytes()[:-5])
    lost.unlink()
    (note,) = (home / "resume").glob(f"*/journal/{unnoted.name}.json")
    note.unlink()
    before = {
        shard: (store / shard).stat().st_mtime_ns for shard in shards if (store / shard).exists()
    }

    done = forks.run(home, *command)

    assert (done.returncode, done.stderr) == (0, "")
    (published,) = (home / "stores").iterdir()
    kept = {
        shard for shard in shards if (published / shard).stat().st_mtime_ns == before.get(shard)
    }
    assert kept == {shard for shard in shards if int(shard.name) > 3} != set()
    assert tree_manifest(str(published)).digest == document["stages"][0]["digest"]
