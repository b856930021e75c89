import os
from datetime import timedelta

import pytest

from genemamba.catalog.catalog import Catalog
from genemamba.catalog.values import Deposit, Edge
from genemamba.errors import CatalogError, InputError


def test_a_completed_run_comes_back_with_all_that_is_known_of_it(catalog, make_spec, make_artifact):
    parent, deposit, store = (make_artifact(name) for name in ("parent", "deposit", "store"))
    with catalog.record_run(make_spec("run")) as outer:
        outer.add_output("parent", parent)
        spec = make_spec(
            params={"min_genes": 200, "batch_key": None, "genes": ["a", "b"]},
            inputs=[Edge("deposit", deposit)],
            seed=2**40,
            parent_run_id=outer.id,
            orchestrator="prefect@3.8.8",
            flow_run_id="flow",
            task_run_id="task",
            trigger="event",
        )
        with catalog.record_run(spec) as run:
            run.add_output("store", store)

    record = catalog.find_completed(spec.work_key)

    assert record == run.record == catalog.run(run.id)
    for name in (
        "stage", "work_key", "params", "code", "environment", "seed", "parent_run_id",
        "orchestrator", "flow_run_id", "task_run_id", "trigger",
    ):  # fmt: skip
        assert getattr(record, name) == getattr(spec, name)
    assert (record.status, record.error, record.pid) == ("completed", None, os.getpid())
    assert record.root_run_id == outer.id
    assert record.ended_at - record.started_at == timedelta(minutes=1)
    assert [(edge.role, edge.artifact.to_info()) for edge in record.inputs] == spec.inputs
    assert [(edge.role, edge.artifact.to_info()) for edge in record.outputs] == [("store", store)]
    assert record.output("store") == record.outputs[0].artifact


def test_nothing_is_on_record_before_the_run_completes(
    catalog, count, sql, make_spec, make_artifact, accuracy
):
    with catalog.record_run(make_spec()) as run:
        run.add_output("store", make_artifact("store"))
        run.add_dataset_version("atlas", "lung", make_artifact("atlas"))
        run.add_model_version("small", make_artifact("model"))
        run.add_metrics([accuracy])
        run.add_deposit(
            Deposit(uri="/d", name="d", sha256="1" * 64, size_bytes=1, state="accepted")
        )
        assert count() == [0, 0, 0, 0, 0]
        assert count("artifact", "run_io") == [0, 0]
        assert sql("SELECT status, ended_at FROM run") == [("running", None)]

    assert count() == [1, 1, 1, 1, 1]
    assert count("artifact", "run_io") == [3, 3]
    assert sql("SELECT status FROM run") == [("completed",)]


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        pytest.param(ValueError("no counts"), "failed", "ValueError: no counts", id="error"),
        pytest.param(KeyboardInterrupt(), "interrupted", "KeyboardInterrupt", id="interrupt"),
        pytest.param(SystemExit(3), "interrupted", "SystemExit: 3", id="exit"),
    ],
)
def test_a_run_that_stops_is_recorded_without_what_it_made(
    catalog, perform, count, make_spec, make_artifact, error, status, text
):
    spec = make_spec(inputs=[Edge("deposit", make_artifact("deposit"))])

    run = catalog.record_run(spec)

    def work(run):
        run.add_dataset_version("atlas", "lung", make_artifact("atlas"))
        raise error

    with pytest.raises(type(error), match=f"^{error}$"):
        perform(run, work)
    record = catalog.run(run.id)
    assert (record.status, record.error) == (status, text)
    assert record.ended_at > record.started_at
    assert [edge.role for edge in record.inputs] == ["deposit"]
    assert (record.outputs, count()) == ((), [0, 0, 0, 0, 0])
    assert catalog.find_completed(spec.work_key) is None


def test_failed_work_can_be_done_again(catalog, sql, make_spec):
    for _ in range(2):
        with pytest.raises(ZeroDivisionError, match="zero"), catalog.record_run(make_spec()):
            1 / 0  # noqa: B018
    with catalog.record_run(make_spec()) as run:
        pass

    assert run.record.id == run.id
    assert sql("SELECT status FROM run ORDER BY started_at") == [
        ("failed",),
        ("failed",),
        ("completed",),
    ]


def test_the_later_run_says_when_the_earlier_one_made_something_else(
    catalog, make_spec, make_artifact
):
    with catalog.record_run(make_spec()) as later:
        version = later.add_dataset_version("atlas", "lung", make_artifact("atlas"))
        with catalog.record_run(make_spec()) as earlier:
            pass

    assert later.record == earlier.record
    with pytest.raises(CatalogError, match="completed this work first did not make this version"):
        _ = version.ref


def test_a_version_has_no_number_before_its_run_completes(catalog, make_spec, make_artifact):
    with catalog.record_run(make_spec()) as run:
        version = run.add_model_version("small", make_artifact("model"))

        with pytest.raises(CatalogError, match="has no record before its context ends"):
            _ = version.version_no


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        pytest.param("atlas", "lung@2", id="a number"),
        pytest.param("atlas", "atlas:lung", id="a kind"),
        pytest.param("atlas", "", id="nothing"),
        pytest.param("atlas", "../lung", id="a path"),
        pytest.param("a kind", "lung", id="kind with a space"),
        pytest.param("model", "small", id="kind of models"),
    ],
)
def test_a_name_that_would_read_as_something_else_is_refused(
    catalog, make_spec, make_artifact, kind, name
):
    refusal = pytest.raises(InputError, match=f"found kind {kind!r}, name {name!r}")

    with catalog.record_run(make_spec()) as run, refusal:
        run.add_dataset_version(kind, name, make_artifact("atlas"))
    assert run.record.dataset_versions == ()


@pytest.mark.parametrize("roles", [[], ["store", "store"]], ids=["none", "two"])
def test_one_output_is_asked_for_and_found(catalog, make_spec, make_artifact, roles):
    with catalog.record_run(make_spec()) as run:
        for number, role in enumerate(roles):
            run.add_output(role, make_artifact(f"store {number}"))

    with pytest.raises(CatalogError, match=r"Expected one output 'store' of run"):
        run.record.output("store")


def test_an_unknown_run_is_refused(catalog):
    with pytest.raises(CatalogError, match="Expected the id of a recorded run, found 'nobody'"):
        catalog.run("nobody")


def test_the_work_s_own_error_is_raised_where_its_end_cannot_be_recorded(
    tmp_path, perform, make_spec
):
    def work(_run):
        catalog.close()
        for file in tmp_path.iterdir():
            file.unlink()
        int("no counts")

    with Catalog.open(f"sqlite:///{tmp_path / 'catalog.db'}") as catalog:
        run = catalog.record_run(make_spec())
        with pytest.raises(ValueError, match="no counts") as caught:
            perform(run, work)

    assert caught.value.__notes__[0].startswith(f"This end of run {run.id} could not be recorded")
