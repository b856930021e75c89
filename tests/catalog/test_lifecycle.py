import math
from dataclasses import replace

import pytest

from genemamba.errors import CatalogError


def test_of_processes_that_complete_the_same_work_one_makes_the_record(catalog, start, count, sql):
    children = [start("work", output) for output in "abcd"]
    for child in children:
        assert child.stdout.readline().startswith("ready ")

    ended = [child.communicate("\n", timeout=120)[0] for child in children]

    ((winner, digest),) = sql(
        "SELECT run.id, digest FROM run JOIN run_io ON run_io.run_id = run.id "
        "JOIN artifact ON artifact.id = artifact_id "
        "WHERE status = 'completed' AND role = 'store'"
    )
    assert ended == [f"{winner} lung@1\n"] * 4
    assert [child.returncode for child in children] == [0, 0, 0, 0]
    assert count("run", "artifact", "run_io", "dataset_version") == [4, 1, 2, 1]
    assert catalog.atlas_versions("lung")[0].artifact.digest == digest
    assert sql("SELECT DISTINCT error FROM run WHERE status = 'failed'")[0][0].endswith(
        "was completed by another run meanwhile."
    )


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        pytest.param(0.0, (0.0, None), id="zero"),
        pytest.param(-1.5, (-1.5, None), id="negative"),
        pytest.param(math.nan, (None, "nan"), id="nan"),
        pytest.param(math.inf, (None, "inf"), id="inf"),
        pytest.param(-math.inf, (None, "-inf"), id="-inf"),
    ],
)
def test_every_number_comes_back_as_it_was(
    catalog, sql, make_spec, make_artifact, accuracy, value, stored
):
    with catalog.record_run(make_spec()) as run:
        run.add_dataset_version("atlas", "lung", make_artifact("atlas"))
        run.add_metrics([replace(accuracy, value=value, model_version=None)])

    (metric,) = catalog.run_metrics(run.id)

    assert sql("SELECT value, special FROM metric") == [stored]
    assert metric.value == value or (math.isnan(metric.value) and math.isnan(value))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        pytest.param("NULL, NULL", "value_or_special", id="neither"),
        pytest.param("0.5, 'nan'", "value_or_special", id="both"),
        pytest.param("NULL, 'huge'", "special", id="unknown special"),
    ],
)
def test_a_metric_is_exactly_one_of_number_and_special(
    catalog, sql, make_spec, make_artifact, values, message
):
    with catalog.record_run(make_spec()) as run:
        run.add_dataset_version("atlas", "lung", make_artifact("atlas"))

    with pytest.raises(Exception, match=f"ck_metric_{message}"):
        sql(
            "INSERT INTO metric (id, run_id, name, implementation, dataset_version_id, subject, "
            f"slice, at, value, special) VALUES (1, '{run.id}', 'm', 'i', 1, 's', 'all', "
            f"'2026-01-01', {values})"
        )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param(
            {"dataset_version": "lung@2"},
            r"a version of kind 'atlas', found 'lung@2'\. Known: atlas:lung@1, model:small@1",
            id="atlas version",
        ),
        pytest.param(
            {"model_version": "large"}, "a model version, found 'large'", id="model version"
        ),
    ],
)
def test_a_metric_about_something_unknown_fails_the_whole_run(
    catalog, perform, count, make_spec, make_artifact, accuracy, changes, message
):
    with catalog.record_run(make_spec()) as run:
        run.add_dataset_version("atlas", "lung", make_artifact("atlas"))
        run.add_model_version("small", make_artifact("model"))

    evaluation = catalog.record_run(make_spec("evaluate"))

    def work(run):
        run.add_output("report", make_artifact("report"))
        run.add_metrics([accuracy, replace(accuracy, name="macro_f1", **changes)])

    with pytest.raises(CatalogError, match=message):
        perform(evaluation, work)
    assert catalog.run(evaluation.id).status == "failed"
    assert count("metric", "artifact") == [0, 2]


def test_the_same_number_twice_fails_the_run(
    catalog, perform, count, make_spec, make_artifact, accuracy
):
    run = catalog.record_run(make_spec())

    def work(run):
        run.add_dataset_version("atlas", "lung", make_artifact("atlas"))
        run.add_model_version("small", make_artifact("model"))
        run.add_metrics([accuracy, replace(accuracy, value=0.5)])

    with pytest.raises(CatalogError, match=r"refused: .*metric"):
        perform(run, work)
    assert catalog.run(run.id).status == "failed"
    assert count() == [0, 0, 0, 0, 0]


def test_children_of_children_have_the_first_run_as_root(catalog, make_spec):
    with (
        catalog.record_run(make_spec("one")) as one,
        catalog.record_run(make_spec("two", parent_run_id=one.id)) as two,
        catalog.record_run(make_spec("three", parent_run_id=two.id)) as three,
    ):
        pass

    assert [run.record.root_run_id for run in (one, two, three)] == [one.id] * 3


def test_an_unknown_parent_is_refused(catalog, make_spec):
    orphan = catalog.record_run(make_spec(parent_run_id="nobody"))

    with pytest.raises(CatalogError, match="Expected a recorded run as the parent, found 'nobody'"):
        orphan.__enter__()
