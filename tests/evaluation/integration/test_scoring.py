"""Our integration scores are scib-metrics' own, and no failure loses the others."""

import logging

import anndata as ad
import numpy as np
import pytest
import scib_metrics
from scib_metrics.benchmark import BatchCorrection, Benchmarker, BioConservation
from scib_metrics.nearest_neighbors import jax_approx_min_k
from scipy import stats

from genemamba.evaluation.integration.metrics import KBET, MetricSpec, Space, compute_metric
from genemamba.evaluation.integration.neighbors import exact_neighbors
from genemamba.evaluation.integration.scope import choose_scope
from genemamba.evaluation.integration.scoring import score_embeddings
from genemamba.keys import UNKNOWN, X_GENEMAMBA, X_PCA

BIO = {
    "isolated_labels",
    "nmi_ari_cluster_labels_leiden_nmi",
    "nmi_ari_cluster_labels_leiden_ari",
    "nmi_ari_cluster_labels_kmeans_nmi",
    "nmi_ari_cluster_labels_kmeans_ari",
    "silhouette_label",
    "clisi_knn",
}
LABEL_FREE = {"ilisi_knn", "pcr_comparison"}
WITH_LABELS = {"bras", "graph_connectivity"}
AGGREGATES = {"bio_conservation", "batch_correction", "total"}
PUBLISHED = {"silhouette_batch", "avg_bio", "avg_batch"}


@pytest.fixture(scope="module")
def scored(cells):
    return score_embeddings(**cells, seed=0)


def values(scores):
    return {(score.embedding, score.metric): score.value for score in scores.scores}


def metrics_of(scores):
    return {score.metric for score in scores.scores}


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.filterwarnings("ignore:PCR comparison score is negative:UserWarning")
def test_values_equal_those_of_scib_metrics_own_benchmarker(cells, scored):
    adata = ad.AnnData(
        np.zeros((150, 1), dtype=np.float32),
        obs={"batch": cells["batch"], "label": cells["labels"]},
        obsm=cells["embeddings"],
    )
    benchmarker = Benchmarker(
        adata,
        batch_key="batch",
        label_key="label",
        embedding_obsm_keys=list(cells["embeddings"]),
        bio_conservation_metrics=BioConservation(nmi_ari_cluster_labels_leiden=True),
        batch_correction_metrics=BatchCorrection(kbet_per_label=False),
        pre_integrated_embedding_obsm_key=X_PCA,
        progress_bar=False,
    )
    benchmarker.prepare(neighbor_computer=jax_approx_min_k)
    benchmarker.benchmark()
    table = benchmarker.get_results(clean_names=False)
    names = {
        "Bio conservation": "bio_conservation",
        "Batch correction": "batch_correction",
        "Total": "total",
    }

    expected = {
        (embedding, names.get(metric, metric)): float(table.loc[embedding, metric])
        for embedding in cells["embeddings"]
        for metric in table.columns
    }
    found = values(scored)
    assert {key: found[key] for key in expected} == pytest.approx(expected, abs=2e-5)
    benchmarked = BIO | LABEL_FREE | WITH_LABELS | AGGREGATES
    assert {metric for _, metric in expected} == benchmarked
    assert metrics_of(scored) == benchmarked | PUBLISHED


def test_correction_is_seen_by_the_metrics_that_look_for_it(scored):
    value = values(scored)

    for metric in ("ilisi_knn", "pcr_comparison", "bras"):
        assert value[X_GENEMAMBA, metric] > value[X_PCA, metric] + 0.05
    assert value[X_PCA, "pcr_comparison"] == 0.0


def test_two_runs_give_the_same_numbers(cells, scored):
    again = score_embeddings(**cells, seed=0)

    assert score_embeddings(**cells, seed=0) == again
    assert values(again) == pytest.approx(values(scored), abs=1.1e-5)  # one rounding step


def test_rotating_an_embedding_changes_no_number_but_rounding(cells, scored):
    rotation, _ = np.linalg.qr(np.random.default_rng(1).standard_normal((8, 8)))
    turned = {name: (X @ rotation).astype(np.float32) for name, X in cells["embeddings"].items()}
    free_of_chance = BIO - {name for name in BIO if "cluster" in name} | WITH_LABELS | LABEL_FREE
    # Cosine distances of BRAS and all Euclidean ones survive a rotation.
    again = values(score_embeddings(turned, cells["labels"], cells["batch"], seed=0))

    for key, value in values(scored).items():
        if key[1] in free_of_chance:
            assert again[key] == pytest.approx(value, abs=2e-3), key


def test_labels_in_one_batch_leave_the_label_free_metrics_on_all_cells(cells):
    labels = np.where(cells["batch"] == "x", cells["labels"], UNKNOWN)

    scores = score_embeddings(cells["embeddings"], labels, cells["batch"], seed=0)

    n_labelled = int((cells["batch"] == "x").sum())
    n_of = {score.metric: score.n for score in scores.scores if score.metric not in AGGREGATES}
    assert n_of == dict.fromkeys({*BIO, "avg_bio"}, n_labelled) | dict.fromkeys(LABEL_FREE, 150)
    assert metrics_of(scores) == BIO | LABEL_FREE | AGGREGATES | {"avg_bio"}
    assert scores.notes == (
        "Labelled cells lie in one batch: bras, graph_connectivity and silhouette_batch cannot be "
        "computed.",
    )


def test_one_batch_leaves_bio_conservation_alone(cells):
    scores = score_embeddings(cells["embeddings"], cells["labels"], ["x"] * 150, seed=0)

    assert metrics_of(scores) == BIO | {"bio_conservation", "avg_bio"}
    assert scores.notes == ("There is one batch: batch correction cannot be computed.",)


def test_no_labels_leave_the_label_free_metrics_alone(cells):
    scores = score_embeddings(cells["embeddings"], [UNKNOWN] * 150, cells["batch"], seed=0)

    assert metrics_of(scores) == LABEL_FREE | {"batch_correction"}
    assert scores.notes == (
        "Bio conservation needs labelled cells of two or more types.",
        "Labelled cells are absent: bras, graph_connectivity and silhouette_batch cannot be computed.",
    )


def test_neither_labels_nor_batches_leave_nothing_but_notes(cells):
    scores = score_embeddings(cells["embeddings"], [UNKNOWN] * 150, ["x"] * 150, seed=0)

    assert scores.scores == ()
    assert len(scores.notes) == 2


def test_pcr_is_left_out_where_there_is_no_state_before_integration(cells):
    only = {X_GENEMAMBA: cells["embeddings"][X_GENEMAMBA]}

    scores = score_embeddings(only, cells["labels"], cells["batch"], seed=0)

    assert "pcr_comparison" not in metrics_of(scores)
    assert scores.notes == ("pcr_comparison is left out: there is no X_pca to compare with.",)


def test_a_broken_embedding_costs_its_own_numbers_and_no_others(cells, scored):
    broken = cells["embeddings"][X_GENEMAMBA].copy()
    broken[3, 2] = np.nan
    embeddings = {"broken": broken, X_PCA: cells["embeddings"][X_PCA]}

    scores = score_embeddings(embeddings, cells["labels"], cells["batch"], seed=0)

    by_name = {(score.embedding, score.metric): score for score in scores.scores}
    clisi = by_name["broken", "clisi_knn"]
    assert np.isnan(clisi.value)
    assert clisi.note.startswith("ValueError: Input X contains NaN")
    assert "clisi_knn" in by_name["broken", "bio_conservation"].note
    of_pca = {key: value for key, value in values(scores).items() if key[0] == X_PCA}
    expected = {key: value for key, value in values(scored).items() if key[0] == X_PCA}
    assert of_pca == pytest.approx(expected, abs=1.1e-5)


@pytest.mark.parametrize("sizes", [(40, 1, 1), (3, 2, 2)], ids=["single cells", "seven cells"])
def test_tiny_types_give_numbers_or_notes_and_never_an_exception(sizes):
    rng = np.random.default_rng(0)
    labels = np.repeat([f"type {i}" for i in range(len(sizes))], sizes)
    batch = np.arange(len(labels)) % 2
    X = rng.standard_normal((len(labels), 5))

    scores = score_embeddings({X_PCA: X}, labels, batch, seed=0)

    assert metrics_of(scores) == BIO | LABEL_FREE | WITH_LABELS | AGGREGATES | PUBLISHED
    for score in scores.scores:
        assert np.isfinite(score.value) or score.note


def test_kinds_are_kept_beside_the_numbers(cells):
    scores = score_embeddings(
        cells["embeddings"], [UNKNOWN] * 150, cells["batch"], seed=0,
        kinds={X_GENEMAMBA: "label-supervised"},
    )  # fmt: skip

    assert {score.embedding: score.kind for score in scores.scores} == {
        X_GENEMAMBA: "label-supervised",
        X_PCA: "zero-shot",
    }


def test_draws_are_averaged_with_their_interval_and_what_was_not_drawn_has_none(cells):
    """Labels lie in one batch: bio conservation is of all of them, mixing of five draws."""
    batch = cells["batch"].astype(str)
    labels = np.where(batch == "x", cells["labels"], UNKNOWN).astype(str)
    X = cells["embeddings"][X_GENEMAMBA]
    rows = choose_scope(labels, batch, seed=0, max_cells=140, kbet=False).draws["batch"]

    drawn = score_embeddings({X_GENEMAMBA: X}, labels, batch, seed=0, max_cells=140)

    by_metric = {score.metric: score for score in drawn.scores}
    ilisi = [scib_metrics.ilisi_knn(exact_neighbors(X[r]), batch[r]) for r in rows]
    interval = stats.ttest_1samp(ilisi, 0).confidence_interval()
    found = by_metric["ilisi_knn"]
    assert (found.n, found.slice) == (28, "all, 5 draws of 28")
    assert found.value == pytest.approx(np.mean(ilisi), abs=1e-5)
    assert (found.ci_low, found.ci_high) == pytest.approx(interval, abs=2e-5)
    bio, total = by_metric["bio_conservation"], by_metric["total"]
    assert (bio.n, bio.ci_low) == (int((batch == "x").sum()), None)
    assert total.value == pytest.approx(0.6 * bio.value + 0.4 * found.value, abs=2e-5)
    assert total.ci_high - total.value == pytest.approx(
        0.4 * (interval.high - found.value), abs=1e-4
    )
    assert set(drawn.summary()["integration_intervals"][X_GENEMAMBA]) == {
        "ilisi_knn",
        "batch_correction",
        "total",
    }


def test_progress_counts_every_call(cells):
    seen = []

    score_embeddings(
        cells["embeddings"],
        [UNKNOWN] * 150,
        cells["batch"],
        seed=0,
        progress=lambda done, total: seen.append((done, total)),
    )

    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_metrics_leave_logging_as_they_found_it(cells, capsys):
    handlers = list(logging.getLogger().handlers)
    space = space_of(cells)

    compute_metric(MetricSpec("isolated_labels", "bio", lambda s: (s.X, s.labels, s.batch)), space)

    assert logging.getLogger().handlers == handlers
    assert capsys.readouterr() == ("", "")


def test_a_failure_is_told_with_its_kind(cells):
    spec = MetricSpec("bras", "batch", lambda s: (s.X, s.labels, np.full(150, "x")))

    result = compute_metric(spec, space_of(cells))

    assert np.isnan(result.values["bras"])
    assert result.note == "ValueError: No objects to concatenate"


def test_kbet_is_computed_on_fifty_neighbours_like_in_the_benchmarker(cells):
    """Its value is not computed here: it takes 40 s to compile."""
    space = space_of(cells)

    neighbors, batch, labels = KBET.arguments(space)

    assert neighbors.indices.shape == (150, 50)
    np.testing.assert_array_equal(neighbors.indices, space.neighbors.indices[:, :50])
    assert batch is space.batch
    assert labels is space.labels
    assert KBET.name == "kbet_per_label"


def space_of(cells):
    return Space(
        X=cells["embeddings"][X_PCA],
        X_pre=None,
        labels=cells["labels"].astype(str),
        batch=cells["batch"].astype(str),
    )


def test_each_score_says_on_which_cells_and_aggregates_of_which_metrics(cells, scored):
    labels = np.where(cells["batch"] == "x", cells["labels"], UNKNOWN)

    scores = score_embeddings(cells["embeddings"], labels, cells["batch"], seed=0).scores

    slices = {score.metric: score.slice for score in scores if score.embedding == X_PCA}
    assert {slices[metric] for metric in BIO} == {"labelled cells"}
    assert {slices[metric] for metric in LABEL_FREE} == {"all"}
    bio, batch = slices["bio_conservation"], "all; mean of 2: ilisi_knn, pcr_comparison"
    assert bio.startswith("labelled cells; mean of 7: isolated_labels, nmi_ari_cluster_labels_")
    assert slices["batch_correction"] == batch
    assert slices["total"] == f"0.6 of {bio}; 0.4 of {batch}"
    both = {score.metric: score.slice for score in scored.scores}
    assert {both[metric] for metric in LABEL_FREE | WITH_LABELS} == {"labelled cells"}
    assert both["batch_correction"] == (
        "labelled cells; mean of 4: bras, ilisi_knn, graph_connectivity, pcr_comparison"
    )


def test_an_aggregate_does_not_name_the_metrics_that_failed(cells):
    broken = np.full((150, 8), np.nan, dtype=np.float32)

    scores = score_embeddings({X_PCA: broken}, cells["labels"], cells["batch"], seed=0).scores

    slices = {score.metric: score.slice for score in scores}
    failed = {score.metric for score in scores if np.isnan(score.value)}
    named = {metric for metric in BIO if metric in slices["bio_conservation"]}
    assert named == BIO - failed
    assert f"mean of {len(named)}: " in slices["bio_conservation"]
