"""SIGKILL at every step: the next run finishes, and nothing half-done is ever listed."""

import signal
import sqlite3
import sys

import pytest

from tests.support import genemamba

KILLED = -signal.SIGKILL

DRIVER = """
import importlib, os, signal, sys

module, name, nth = sys.argv[1].split(":")
target = importlib.import_module(module)
original, calls = getattr(target, name), 0

def kill_at_nth_call(*arguments, **options):
    global calls
    calls += 1
    if calls == int(nth):
        os.kill(os.getpid(), signal.SIGKILL)
    return original(*arguments, **options)

setattr(target, name, kill_at_nth_call)
sys.argv = ["genemamba", *sys.argv[2:]]
from genemamba.cli.main import main
main()
"""

KILLS = (
    ("tasks.stages:publish:2", "ingest"),
    ("tasks.stages:publish:2", "compose"),
    ("genemamba.training.loop:save_state:2", "pretrain"),
    ("tasks.stages:_record:1", "pretrain"),
    ("genemamba.inference.embedding_shards:_sha256:1", "embed"),
    ("tasks.stages:publish:2", "annotate"),
    ("tasks.evaluation:evaluate_atlas:1", "evaluate"),
    ("tasks.stages:_record:2", "report"),
)
"""Where a process dies, and the stage it is in; each starts where the one before died."""


def rows(home, query):
    with sqlite3.connect(home / "catalog.db") as connection:
        return connection.execute(query).fetchall()


@pytest.fixture(scope="module")
def killed_home(workplace, reference):
    """A home in which every stage was killed at least once, and what was seen after each kill."""
    home, seen = workplace / "killed", []
    options = (
        "--atlas",
        "pbmc",
        "--label-key",
        "bulk_labels",
        "--preset",
        "tiny",
        "--steps",
        "150",
    )
    for point, stage in KILLS:
        command = (sys.executable, "-c", DRIVER, point)
        done = genemamba(home, "run", reference, *options, "--json", command=command)
        completed = [
            row[0] for row in rows(home, "SELECT stage FROM run WHERE status = 'completed'")
        ]
        seen.append((done.returncode, stage in completed, stage))
    return home, seen, genemamba(home, "run", reference, *options, "--json")


def test_a_killed_stage_is_never_listed_as_completed(killed_home):
    _, seen, _ = killed_home

    assert seen == [(KILLED, False, stage) for _, stage in KILLS]


def test_the_next_run_finishes_the_work(killed_home):
    home, _, last = killed_home

    assert last.returncode == 0, last.stderr
    assert rows(home, "SELECT stage, count(*) FROM run WHERE status = 'completed' GROUP BY 1") == [
        ("annotate", 1),
        ("compose", 1),
        ("embed", 1),
        ("evaluate", 1),
        ("ingest", 1),
        ("model-card", 1),
        ("pretrain", 1),
        ("reference", 1),
        ("report", 1),
        ("split", 1),
    ]
    assert rows(home, "SELECT count(*) FROM run WHERE status = 'running'") == [(0,)]


def test_nothing_of_the_killed_runs_is_left_in_the_home(killed_home):
    home, _, last = killed_home

    published = {stage["uri"] for stage in last.document["stages"]}
    folders = (
        "stores",
        "manifests",
        "models",
        "embeddings",
        "annotations",
        "evaluations",
        "reports",
        "splits",
        "model-cards",
    )
    found = {str(path) for folder in folders for path in (home / folder).iterdir()}
    assert found == published
    assert list((home / "staging").iterdir()) == []


def test_stores_and_model_are_those_of_an_undisturbed_run(killed_home, workplace, reference):
    _, _, last = killed_home
    options = ("--atlas", "pbmc", "--label-key", "bulk_labels", "--json")
    calm = workplace / "calm"

    ingested = genemamba(calm, "ingest", reference, *options)
    trained = genemamba(
        calm, "pretrain", "--atlas", "pbmc", "--preset", "tiny", "--steps", "150", "--json"
    )

    digests = {stage["stage"]: stage["digest"] for stage in last.document["stages"]}
    calm_stages = ingested.document["stages"] + trained.document["stages"]
    calm_digests = {stage["stage"]: stage["digest"] for stage in calm_stages}
    # A card shows when and where a model was made.
    del calm_digests["model-card"]
    assert calm_digests == {name: digests[name] for name in ("ingest", "compose", "pretrain")}
