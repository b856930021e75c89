import numpy as np
import pytest

from genemamba.catalog.graph import ArtifactNode, RunNode
from genemamba.catalog.values import ArtifactInfo, Edge
from genemamba.errors import CatalogError

DIAMOND = {
    "ingest": (["deposit"], ["store"]),
    "train": (["store"], ["model"]),
    "reduce": (["store"], ["pca"]),
    "compare": (["model", "pca"], ["report"]),
    "unrelated": (["other deposit"], ["other store"]),
}
"""Stage to what it reads and makes: the store reaches the report by two ways."""


@pytest.fixture
def record(catalog, make_spec, make_artifact):
    """Record a graph of stages, and return the ids of its runs."""

    def record_graph(graph):
        ids = {}
        for stage, (inputs, outputs) in graph.items():
            spec = make_spec(stage, inputs=[Edge(name, make_artifact(name)) for name in inputs])
            with catalog.record_run(spec) as run:
                for name in outputs:
                    run.add_output(name, make_artifact(name))
            ids[stage] = run.id
        return ids

    return record_graph


def reached(graph, start, *, downstream):
    """Names of artifacts and runs by brute force: add neighbours until nothing is new."""
    found = {start}
    while True:
        new = set()
        for stage, (inputs, outputs) in graph.items():
            before, after = (inputs, outputs) if downstream else (outputs, inputs)
            if found & set(before):
                new.add(stage)
            if stage in found:
                new |= set(after)
        if new <= found:
            return found
        found |= new


def edges_among(graph, names):
    return {
        (stage, direction, name)
        for stage, (inputs, outputs) in graph.items()
        for direction, artifacts in (("in", inputs), ("out", outputs))
        for name in artifacts
        if stage in names and name in names
    }


def names_of(lineage):
    return [
        node.stage if isinstance(node, RunNode) else node.artifact.uri.removeprefix("/atlas/")
        for node in lineage.nodes
    ]


def assert_is_the_graph(lineage, graph, ids, start, *, downstream):
    expected = reached(graph, start, downstream=downstream)
    names = names_of(lineage)
    stages = {run_id: stage for stage, run_id in ids.items()}
    assert sorted(names) == sorted(expected)
    assert sorted((stages[edge.run_id], edge.direction, edge.role) for edge in lineage.edges) == (
        sorted(edges_among(graph, expected))
    )


@pytest.mark.parametrize("downstream", [False, True], ids=["upstream", "downstream"])
@pytest.mark.parametrize("start", ["deposit", "store", "model", "report", "train", "compare"])
def test_a_diamond_is_followed_once_by_each_way(catalog, record, make_artifact, start, downstream):
    ids = record(DIAMOND)
    ref = ids.get(start) or make_artifact(start).digest

    lineage = catalog.lineage(ref, downstream=downstream)

    assert_is_the_graph(lineage, DIAMOND, ids, start, downstream=downstream)
    assert lineage.root in lineage.nodes
    assert names_of(lineage)[lineage.nodes.index(lineage.root)] == start


@pytest.mark.parametrize("seed", [0, 1])
def test_lineage_of_random_graphs_is_what_brute_force_finds(catalog, record, make_artifact, seed):
    rng = np.random.default_rng(seed)
    artifacts = [f"artifact {number}" for number in range(12)]
    graph = {
        f"stage {number}": (
            sorted(rng.choice(artifacts, size=rng.integers(0, 4), replace=False).tolist()),
            sorted(rng.choice(artifacts, size=rng.integers(0, 3), replace=False).tolist()),
        )
        for number in range(12)
    }
    ids = record(graph)
    known = sorted({name for inputs, outputs in graph.values() for name in inputs + outputs})

    for start in known:
        for downstream in (False, True):
            lineage = catalog.lineage(make_artifact(start).digest, downstream=downstream)
            assert_is_the_graph(lineage, graph, ids, start, downstream=downstream)


def test_nodes_say_what_was_done_with_what(catalog, make_spec, make_artifact):
    store, model = make_artifact("store"), make_artifact("model", kind="checkpoint")
    spec = make_spec("train", params={"steps": 5}, inputs=[Edge("store", store)], seed=7)
    with catalog.record_run(spec) as run:
        run.add_dataset_version("atlas", "lung", store)
        run.add_model_version("small", model)
        run.add_model_version("best", model)

    lineage = catalog.lineage("small@1")

    assert lineage.root == ArtifactNode(
        artifact=catalog.model("small@1").artifact, refs=("model:best@1", "model:small@1")
    )
    assert [node.refs for node in lineage.nodes if isinstance(node, ArtifactNode)] == [
        ("atlas:lung@1",),
        ("model:best@1", "model:small@1"),
    ]
    assert lineage.nodes[-1] == RunNode(
        id=run.id,
        stage="train",
        status="completed",
        params={"steps": 5},
        code=spec.code,
        environment_digest=run.record.environment_digest,
        parent_run_id=None,
        trigger="manual",
        seed=7,
        started_at=run.record.started_at,
        ended_at=run.record.ended_at,
    )
    assert [tuple(edge) for edge in lineage.edges] == [
        (run.id, "in", "store", store.digest),
        (run.id, "out", "atlas:lung", store.digest),
        (run.id, "out", "model:best", model.digest),
        (run.id, "out", "model:small", model.digest),
    ]


def test_a_failed_run_is_downstream_of_what_it_read_and_makes_nothing(
    catalog, make_spec, make_artifact
):
    store = make_artifact("store")
    run = catalog.record_run(make_spec(inputs=[Edge("store", store)]))
    run.add_output("model", make_artifact("model"))
    with pytest.raises(ValueError, match="counts"), run:
        int("counts")

    lineage = catalog.lineage(store.digest, downstream=True)

    assert [type(node) for node in lineage.nodes] == [ArtifactNode, RunNode]
    assert lineage.nodes[1].status == "failed"


@pytest.fixture
def two_series(catalog, make_spec, make_artifact):
    """An atlas in two versions, and a model and an annotation, all of one name."""
    with catalog.record_run(make_spec("one")) as run:
        run.add_dataset_version("atlas", "lung", make_artifact("one"))
        run.add_dataset_version("annotation", "lung", make_artifact("labels"))
        run.add_dataset_version("report", "summary", make_artifact("report"))
    with catalog.record_run(make_spec("two")) as run:
        run.add_dataset_version("atlas", "lung", make_artifact("two"))
    return catalog


@pytest.mark.parametrize(
    ("ref", "expected"),
    [
        pytest.param("lung", "two", id="latest of an atlas"),
        pytest.param("lung@1", "one", id="version of an atlas"),
        pytest.param("annotation:lung", "labels", id="version of another kind"),
        pytest.param("summary", "report", id="name of another kind only"),
        pytest.param("/atlas/one", "one", id="recorded path"),
    ],
)
def test_a_root_is_found_by(two_series, make_artifact, ref, expected):
    assert two_series.lineage(ref).root.artifact.to_info() == make_artifact(expected)


@pytest.mark.parametrize("length", [8, 12, 36], ids=["eight digits", "twelve", "whole"])
def test_a_run_is_found_by_its_id(two_series, length):
    run_id = two_series.atlas_versions("lung")[1].run_id

    assert two_series.lineage(run_id[:length]).root.id == run_id


def test_the_bytes_decide_where_the_path_lies(two_series, make_artifact):
    lineage = two_series.lineage("/atlas/one", digest=make_artifact("two").digest)

    assert lineage.root.artifact.to_info() == make_artifact("two")


def test_bytes_that_changed_since_are_told_from_those_that_were_there(two_series, make_artifact):
    changed, recorded = make_artifact("changed").digest, make_artifact("one").digest

    with pytest.raises(
        CatalogError,
        match=f"found {changed} at '/atlas/one', which no run made. That path once held {recorded}",
    ):
        two_series.lineage("/atlas/one", digest=changed)


def test_a_name_of_atlas_and_model_is_ambiguous_until_its_kind_is_said(
    two_series, make_spec, make_artifact
):
    with two_series.record_run(make_spec("train")) as run:
        run.add_model_version("lung", make_artifact("model"))

    with pytest.raises(
        CatalogError, match=r"one meaning of 'lung', found 2: atlas:lung@2, model:lung@1\. Name one"
    ):
        two_series.lineage("lung")
    assert two_series.lineage("model:lung").root.artifact.to_info() == make_artifact("model")


def test_a_begun_digest_of_two_artifacts_is_ambiguous(catalog, make_spec):
    digests = [f"sha256:{'ab' * 4}{digit * 56}" for digit in "01"]
    with catalog.record_run(make_spec()) as run:
        for digest in digests:
            run.add_output(
                "store", ArtifactInfo(digest=digest, kind="store", uri="/a", size_bytes=1)
            )

    with pytest.raises(CatalogError, match=f"found 2: {digests[0]}, {digests[1]}. Name one"):
        catalog.lineage("abababab")
    assert catalog.lineage("abababab1").root.artifact.digest == digests[1]


@pytest.mark.parametrize(
    "ref",
    [
        pytest.param("lung@7", id="version"),
        pytest.param("brain", id="name"),
        pytest.param("model:lung", id="kind"),
        pytest.param("0123456789abcdef", id="digest"),
        pytest.param("/nowhere", id="path"),
        pytest.param("%", id="wildcard"),
        pytest.param("", id="nothing"),
    ],
)
def test_an_unknown_reference_is_answered_with_what_is_known(two_series, ref):
    with pytest.raises(
        CatalogError,
        match=rf"found {ref!r}\. Known: annotation:lung@1, atlas:lung@2, report:summary@1\.",
    ):
        two_series.lineage(ref)
