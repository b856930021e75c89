"""Means are those of the Benchmarker and of GeneMamba's authors."""

import numpy as np
import pytest

from genemamba.evaluation.integration.aggregates import aggregate
from genemamba.evaluation.integration.scores import IntegrationScore

NMI, ARI = "nmi_ari_cluster_labels_leiden_nmi", "nmi_ari_cluster_labels_leiden_ari"


def scored(metric, group, value, library="scib-metrics@1"):
    return IntegrationScore(
        metric=metric, embedding="X", value=value, group=group, n=9, implementation=library,
        slice="all",
    )  # fmt: skip


def all_scores(ari=0.3):
    return [
        scored(NMI, "bio", 0.6),
        scored(ARI, "bio", ari),
        scored("silhouette_label", "bio", 0.9),
        scored("clisi_knn", "bio", 1.0),
        scored("graph_connectivity", "batch", 0.8),
        scored("ilisi_knn", "batch", 0.2),
        scored("silhouette_batch", "published", 0.5, "scikit-learn@2"),
    ]


def test_published_averages_are_of_their_parts_alone():
    means = {score.metric: score for score in aggregate(all_scores())}

    assert {name: score.value for name, score in means.items()} == pytest.approx(
        {
            "bio_conservation": 0.7,
            "batch_correction": 0.5,
            "total": 0.6 * 0.7 + 0.4 * 0.5,
            "avg_bio": (0.6 + 0.3 + 0.9) / 3,
            "avg_batch": (0.5 + 0.8) / 2,
        }
    )
    assert means["avg_bio"].implementation == "scib-metrics@1"
    assert means["avg_batch"].implementation == "scikit-learn@2, scib-metrics@1"
    assert means["avg_batch"].slice == "all; mean of 2: silhouette_batch, graph_connectivity"


def test_a_failed_part_leaves_no_published_average_and_a_mean_of_the_others():
    means = {score.metric: score for score in aggregate(all_scores(ari=float("nan")))}

    assert np.isnan(means["avg_bio"].value)
    assert means["avg_bio"].note == means["bio_conservation"].note == f"without {ARI}"
    assert means["bio_conservation"].value == pytest.approx((0.6 + 0.9 + 1.0) / 3)
    assert means["avg_batch"].value == pytest.approx(0.65)


def test_what_was_not_asked_is_absent():
    means = aggregate([scored("ilisi_knn", "batch", 0.25)])

    assert [(score.metric, score.value) for score in means] == [("batch_correction", 0.25)]
