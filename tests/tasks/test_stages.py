"""Work is done once, seen whole or not at all, and redone where it was lost."""

import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from genemamba.catalog.values import ArtifactInfo, Edge, Metric
from genemamba.errors import StoreError
from tasks.stages import Produced, StagePlan, run_stage

MARK = "done"


def artifact(sign, uri="/deposit"):
    return ArtifactInfo(digest=f"sha256:{sign * 64}", kind="deposit", uri=uri, size_bytes=1)


PLAN = StagePlan(
    stage="ingest",
    kind="store",
    folder="stores",
    suffix=".zarr",
    inputs=[Edge(role="deposit", artifact=artifact("a"))],
    params={"name": "lung"},
    modules=["keys.py"],
    libraries=["numpy"],
    seed=0,
    commit_mark=MARK,
)


class Work:
    """Writes a folder with some text; counts how often."""

    def __init__(self, text="text", produced=None):
        self.text, self.produced, self.calls = text, produced or Produced(), 0

    def __call__(self, staged):
        self.calls += 1
        Path(staged).mkdir()
        (Path(staged) / "text").write_text(self.text)
        (Path(staged) / MARK).touch()
        return self.produced


def rows(workspace, query):
    connection = sqlite3.connect(workspace.catalog_url.removeprefix("sqlite:///"))
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("change", "same"),
    [
        pytest.param({}, True, id="nothing"),
        pytest.param(
            {"inputs": [Edge(role="deposit", artifact=artifact("a", "/moved"))]}, True, id="place"
        ),
        pytest.param({"folder": "elsewhere"}, True, id="folder"),
        pytest.param(
            {"inputs": [Edge(role="deposit", artifact=artifact("b"))]}, False, id="content"
        ),
        pytest.param({"inputs": [Edge(role="other", artifact=artifact("a"))]}, False, id="role"),
        pytest.param({"params": {"name": "skin"}}, False, id="parameter"),
        pytest.param({"modules": ["errors.py"]}, False, id="code"),
        pytest.param({"libraries": ["scipy"]}, False, id="library"),
        pytest.param({"seed": 1}, False, id="seed"),
        pytest.param({"seed": None}, False, id="no seed"),
        pytest.param({"stage": "compose"}, False, id="stage"),
    ],
)
def test_plans_are_the_same_work_where_all_that_decides_the_result_is_equal(change, same):
    assert (replace(PLAN, **change).work_key == PLAN.work_key) is same


def test_work_is_published_under_its_digest_and_recorded(workspace):
    metric = Metric(
        name="accuracy", value=0.5, implementation="x@1", dataset_version="lung@1", subject="s"
    )
    work = Work(
        produced=Produced(facets={"n_obs": 3}, metrics=[metric], version_of=("atlas", "lung"))
    )

    stage = run_stage(workspace, PLAN, work)

    digest = stage.artifact.digest.removeprefix("sha256:")
    assert (stage.reused, stage.label, stage.name) == (False, "lung@1", "lung")
    assert stage.short == digest[:16]
    assert stage.artifact.uri == f"{workspace.home}/stores/{digest[:16]}.zarr"
    assert (Path(stage.artifact.uri) / "text").read_text() == "text"
    assert list(Path(workspace.home, "staging").iterdir()) == []
    with workspace.open_catalog() as catalog:
        run = catalog.run(stage.run_id)
        (recorded,) = catalog.history("lung")
    assert (run.status, run.seed, run.params["name"]) == ("completed", 0, "lung")
    assert run.outputs[0].artifact.facets == {"n_obs": 3}
    assert (recorded.name, recorded.value) == ("accuracy", 0.5)


def test_the_same_work_is_found_and_not_done_again(workspace):
    work = Work()
    first = run_stage(workspace, PLAN, work)

    again = run_stage(workspace, PLAN, work)

    assert work.calls == 1
    assert again == replace(first, reused=True)
    assert rows(workspace, "SELECT count(*) FROM run") == [(1,)]


@pytest.mark.parametrize(
    "lose",
    [
        pytest.param(lambda uri: shutil.rmtree(uri), id="all of it"),
        pytest.param(lambda uri: (Path(uri) / MARK).unlink(), id="its mark"),
    ],
)
def test_an_artifact_that_vanished_is_made_again(workspace, lose):
    work = Work()
    first = run_stage(workspace, PLAN, work)
    lose(first.artifact.uri)

    again = run_stage(workspace, PLAN, work)

    assert work.calls == 2
    assert again == first
    assert (Path(again.artifact.uri) / MARK).exists()


def test_work_that_gives_other_bytes_than_those_lost_is_refused(workspace):
    first = run_stage(workspace, PLAN, Work())
    shutil.rmtree(first.artifact.uri)

    with pytest.raises(StoreError, match=r"stage ingest to give sha256:.* again, which was lost"):
        run_stage(workspace, PLAN, Work("other"))


def test_work_that_raises_leaves_a_failed_run_and_nothing_else(workspace):
    def work(staged):
        Path(staged).mkdir()
        msg = "half done"
        raise RuntimeError(msg)

    with pytest.raises(RuntimeError, match="half done"):
        run_stage(workspace, PLAN, work)

    assert rows(workspace, "SELECT status, error FROM run") == [
        ("failed", "RuntimeError: half done")
    ]
    assert rows(workspace, "SELECT count(*) FROM run_io WHERE direction = 'out'") == [(0,)]
    assert not Path(workspace.home, "stores").exists()
    assert list(Path(workspace.home, "staging").iterdir()) == []


def test_work_that_failed_is_done_at_the_next_attempt(workspace):
    def fails(staged):
        msg = "no luck"
        raise ConnectionError(msg)

    with pytest.raises(ConnectionError, match="no luck"):
        run_stage(workspace, PLAN, fails)

    assert run_stage(workspace, PLAN, Work()).reused is False


def test_a_model_version_and_a_plain_output_have_their_labels(workspace):
    model = run_stage(workspace, PLAN, Work(produced=Produced(model_name="lung-tiny")))
    plain = run_stage(workspace, replace(PLAN, seed=1), Work("other"))

    assert (model.label, plain.label) == ("lung-tiny@1", "")


def test_equal_bytes_of_different_work_are_one_artifact(workspace):
    first = run_stage(workspace, PLAN, Work())
    second = run_stage(workspace, replace(PLAN, seed=1), Work())

    assert second.artifact == first.artifact
    assert second.run_id != first.run_id
