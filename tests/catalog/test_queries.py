from dataclasses import replace

import pytest

from genemamba.catalog.values import Deposit, Edge, Metric
from genemamba.errors import CatalogError


@pytest.fixture
def deposit():
    return Deposit(
        uri="/inbox/pbmc.h5ad", name="pbmc", sha256="1" * 64, size_bytes=7, state="refused"
    )


@pytest.fixture
def filled(catalog, make_spec, make_artifact):
    """Two versions of one atlas, one of another, two models, and three evaluations."""
    with catalog.record_run(make_spec("ingest")) as run:
        run.add_dataset_version("atlas", "lung", make_artifact("lung one"))
        run.add_dataset_version("atlas", "liver", make_artifact("liver one"))
        run.add_dataset_version("annotation", "lung", make_artifact("labels"))
        run.add_model_version("small", make_artifact("small one"))
        run.add_model_version("base", make_artifact("base one", kind="checkpoint"))
    with catalog.record_run(make_spec("extend")) as run:
        run.add_dataset_version("atlas", "lung", make_artifact("lung two"))
        run.add_model_version("small", make_artifact("small two"))
    for number, (atlas, model, value) in enumerate(
        [("lung@1", "small@1", 0.5), ("liver@1", "small@1", 0.25), ("lung@2", "small@2", 0.75)]
    ):
        metric = Metric(
            name="macro_f1",
            value=value,
            implementation="scikit-learn@1.7.2",
            dataset_version=atlas,
            model_version=model,
            subject="X_genemamba",
        )
        spec = make_spec("evaluate", work_key=str(number), seed=number, trigger="schedule")
        with catalog.record_run(spec) as run:
            run.add_metrics(
                [metric, replace(metric, name="ilisi_knn", subject="X_pca", model_version=None)]
            )
    return catalog


def test_every_atlas_is_listed_with_its_latest_version(filled):
    atlases = filled.atlases()

    assert [(atlas.name, atlas.n_versions, atlas.latest.ref) for atlas in atlases] == [
        ("liver", 1, "liver@1"),
        ("lung", 2, "lung@2"),
    ]
    assert atlases[1].latest == filled.atlas_versions("lung")[1]


def test_an_empty_catalog_lists_nothing(catalog):
    assert (catalog.atlases(), catalog.models(), catalog.deposits()) == ([], [], [])


def test_versions_of_an_atlas_come_in_order_with_their_artifacts(filled, make_artifact):
    versions = filled.atlas_versions("lung")

    assert [(version.kind, version.version_no) for version in versions] == [
        ("atlas", 1),
        ("atlas", 2),
    ]
    assert [version.artifact.to_info() for version in versions] == [
        make_artifact("lung one"),
        make_artifact("lung two"),
    ]
    assert [filled.run(version.run_id).stage for version in versions] == ["ingest", "extend"]


def test_an_artifact_is_found_by_its_whole_digest(filled, make_artifact):
    expected = make_artifact("lung one")

    assert filled.artifact(expected.digest).to_info() == expected
    with pytest.raises(CatalogError, match="digest of a recorded artifact, found 'sha256:0'"):
        filled.artifact("sha256:0")


def test_series_of_other_kinds_are_asked_for_by_kind(filled, make_artifact):
    (version,) = filled.dataset_versions("annotation", "lung")

    assert version.artifact.to_info() == make_artifact("labels")
    assert filled.dataset_version("annotation:lung") == version


@pytest.mark.parametrize(
    ("ref", "expected"),
    [
        pytest.param("lung", "lung@2", id="the latest"),
        pytest.param("lung@1", "lung@1", id="a number"),
        pytest.param("atlas:lung@2", "lung@2", id="a kind"),
    ],
)
def test_an_atlas_version_is_found_by(filled, ref, expected):
    assert filled.dataset_version(ref).ref == expected


@pytest.mark.parametrize(
    ("ref", "expected"),
    [
        pytest.param("small", "small@2", id="the latest"),
        pytest.param("small@1", "small@1", id="a number"),
        pytest.param("model:base@1", "base@1", id="a kind"),
    ],
)
def test_a_model_version_is_found_by(filled, ref, expected):
    assert filled.model(ref).ref == expected


@pytest.mark.parametrize("length", [8, 20, 64], ids=["eight digits", "some digits", "whole"])
def test_a_model_version_is_found_by_its_digest(filled, make_artifact, length):
    digest = make_artifact("base one").digest.removeprefix("sha256:")[:length]

    assert filled.model(digest).ref == filled.model(f"sha256:{digest}").ref == "base@1"


def test_models_are_listed_by_name_and_number(filled):
    assert [model.ref for model in filled.models()] == ["base@1", "small@1", "small@2"]
    assert [model.ref for model in filled.models("small")] == ["small@1", "small@2"]


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        pytest.param(lambda c: c.atlas_versions("brain"), "recorded atlas, found 'brain'", id="a"),
        pytest.param(lambda c: c.history("brain"), "recorded atlas, found 'brain'", id="history"),
        pytest.param(lambda c: c.models("large"), "recorded model, found 'large'", id="models"),
        pytest.param(lambda c: c.model("small@3"), "model version, found 'small@3'", id="model"),
        pytest.param(lambda c: c.model("atlas:lung"), "found 'atlas:lung'", id="no model"),
        pytest.param(lambda c: c.dataset_version("lung@3"), "found 'lung@3'", id="version"),
    ],
)
def test_what_is_unknown_is_answered_with_what_is_known(filled, ask, message):
    known = "annotation:lung@1, atlas:liver@1, atlas:lung@2, model:base@1, model:small@2"

    with pytest.raises(CatalogError, match=rf"{message}\. Known: {known}\."):
        ask(filled)


def test_one_checkpoint_under_two_names_is_ambiguous_by_digest(catalog, make_spec, make_artifact):
    model = make_artifact("model")
    with catalog.record_run(make_spec()) as run:
        run.add_model_version("a", model)
        run.add_model_version("b", model)

    with pytest.raises(CatalogError, match="found 2: model:a@1, model:b@1"):
        catalog.model(model.digest)


def test_history_is_in_order_of_time_and_of_one_atlas(filled, sql):
    history = filled.history("lung")

    assert [(m.name, m.value, m.atlas_version, m.model_version, m.subject) for m in history] == [
        ("macro_f1", 0.5, "lung@1", "small@1", "X_genemamba"),
        ("ilisi_knn", 0.5, "lung@1", None, "X_pca"),
        ("macro_f1", 0.75, "lung@2", "small@2", "X_genemamba"),
        ("ilisi_knn", 0.75, "lung@2", None, "X_pca"),
    ]
    assert history[0].at == history[1].at < history[2].at
    assert [m.run_id for m in history[::2]] == [
        row[0]
        for row in sql("SELECT id FROM run WHERE stage = 'evaluate' AND seed <> 1 ORDER BY seed")
    ]


def test_metrics_of_a_model_version_come_from_every_atlas(filled):
    found = filled.model_metrics("small@1")

    assert [(m.atlas_version, m.name, m.value) for m in found] == [
        ("lung@1", "macro_f1", 0.5),
        ("liver@1", "macro_f1", 0.25),
    ]
    assert [m.value for m in filled.model_metrics("small")] == [0.75]
    assert filled.model_metrics("base") == []
    with pytest.raises(CatalogError, match="found 'absent'"):
        filled.model_metrics("absent")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param({"metric": "macro_f1"}, [0.5, 0.75], id="metric"),
        pytest.param({"subject": "X_pca"}, [0.5, 0.75], id="subject"),
        pytest.param({"metric": "macro_f1", "subject": "X_pca"}, [], id="both"),
    ],
)
def test_history_is_narrowed_by(filled, options, expected):
    assert [metric.value for metric in filled.history("lung", **options)] == expected


def test_a_metric_comes_with_what_made_it(filled, make_spec):
    metric = filled.history("lung")[2]
    run = filled.run(metric.run_id)

    assert (metric.code, metric.seed, metric.trigger) == (make_spec().code, 2, "schedule")
    assert (metric.implementation, metric.slice, metric.split) == (
        "scikit-learn@1.7.2",
        "all",
        None,
    )
    assert (metric.n, metric.ci_low, metric.ci_high) == (None, None, None)
    assert metric.at == run.ended_at
    assert filled.run_metrics(run.id) == filled.history("lung")[2:]


def test_a_verdict_replaces_the_earlier_one_on_the_same_bytes(
    catalog, deposit, make_spec, make_artifact
):
    store = make_artifact("store")
    catalog.record_deposit(replace(deposit, verdict={"reason": "no counts"}))
    catalog.record_deposit(replace(deposit, name="other", sha256="2" * 64))
    with catalog.record_run(make_spec(inputs=[Edge("store", store)])) as run:
        run.add_deposit(replace(deposit, state="accepted", store_digest=store.digest))

    (refused,) = catalog.deposits(state="refused")
    (accepted,) = catalog.deposits(state="accepted")

    assert (refused.name, refused.store, refused.run_id) == ("other", None, None)
    assert (accepted.name, accepted.sha256, accepted.verdict) == ("pbmc", "1" * 64, {})
    assert (accepted.store.to_info(), accepted.run_id) == (store, run.id)
    assert catalog.deposits() == [refused, accepted]
    assert catalog.deposits(name="pbmc") == [accepted]


def test_a_verdict_keeps_what_the_checks_found(catalog, deposit):
    verdict = {"n_obs": 3, "reasons": ["no counts", None], "species": {"mouse": 0.5}}

    catalog.record_deposit(replace(deposit, verdict=verdict))

    assert catalog.deposits()[0].verdict == verdict


def test_a_deposit_cannot_become_a_store_that_no_run_made(catalog, deposit, make_artifact):
    unmade = replace(deposit, store_digest=make_artifact("unmade").digest)

    with pytest.raises(CatalogError, match="Expected a recorded store for deposit 'pbmc', found"):
        catalog.record_deposit(unmade)
    assert catalog.deposits() == []
