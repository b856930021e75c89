"""Controls score what they must, or the metric is broken."""

from dataclasses import replace

import numpy as np
import pytest

from genemamba.evaluation.integration.bounds import CONTROL_BOUNDS, broken_bounds, composition
from genemamba.evaluation.integration.controls import (
    PERFECT,
    RANDOM,
    perfect_embedding,
    random_embedding,
)
from genemamba.evaluation.integration.metrics import (
    BATCH_METRICS,
    BIO_METRICS,
    KBET,
    PUBLISHED_METRICS,
)
from genemamba.evaluation.integration.scoring import score_embeddings
from genemamba.keys import UNKNOWN, X_PCA

SPECS = (*BIO_METRICS, *BATCH_METRICS, KBET, *PUBLISHED_METRICS)
EVERY_ROW = dict.fromkeys(("bio", "batch", "published"), np.arange(150))


@pytest.fixture(scope="module")
def scores(cells):
    embeddings = {
        X_PCA: cells["embeddings"][X_PCA],
        RANDOM: random_embedding(150, seed=0),
        PERFECT: perfect_embedding(cells["labels"], seed=0),
    }
    return score_embeddings(embeddings, cells["labels"], cells["batch"], seed=0).scores


def judged(scores, labels, batch):
    return broken_bounds(scores, labels.astype(str), batch.astype(str), EVERY_ROW)


def test_every_metric_has_bounds():
    metrics = {name for spec in SPECS for name in spec.metrics}

    assert set(CONTROL_BOUNDS) == metrics


def test_no_bound_of_the_random_control_is_kept_by_every_score():
    for metric, bounds in CONTROL_BOUNDS.items():
        assert bounds.random.at_least >= 0.25 or bounds.random.at_most <= 0.9, metric
        assert bounds.perfect.at_least >= 0.2, metric


def test_controls_keep_all_bounds_on_balanced_cells_with_a_batch_effect(cells, scores):
    made_of = composition(cells["labels"].astype(str), cells["batch"].astype(str))
    seen = set()

    for score in scores:
        if score.metric not in CONTROL_BOUNDS or score.embedding == X_PCA:
            continue
        bound = getattr(CONTROL_BOUNDS[score.metric], score.embedding)
        assert bound.applies(made_of), score
        assert bound.at_least <= score.value <= bound.at_most, score
        seen.add((score.metric, score.embedding))
    assert len(seen) == 2 * (len(CONTROL_BOUNDS) - 1)  # all but kBET
    assert judged(scores, cells["labels"], cells["batch"]) == ()


@pytest.mark.parametrize(
    ("metric", "control", "value"),
    [
        ("ilisi_knn", RANDOM, 0.0),
        ("bras", RANDOM, 0.3),
        ("graph_connectivity", RANDOM, 0.1),
        ("silhouette_label", RANDOM, 0.9),
        ("clisi_knn", PERFECT, 0.5),
    ],
)
def test_a_control_outside_its_bound_is_named(cells, scores, metric, control, value):
    falsified = [
        replace(score, value=value)
        if (score.metric, score.embedding) == (metric, control)
        else score
        for score in scores
    ]

    (note,) = judged(falsified, cells["labels"], cells["batch"])

    assert note.startswith(f"{metric} gives the {control} control {value:.3f}, where ")


def test_a_failed_metric_and_other_embeddings_break_no_bound(cells, scores):
    failed = [
        replace(score, value=0.0 if score.embedding == X_PCA else float("nan")) for score in scores
    ]

    assert judged(failed, cells["labels"], cells["batch"]) == ()


def test_a_composition_that_a_bound_cannot_hold_for_is_not_judged(cells, scores):
    falsified = [replace(score, value=0.0) for score in scores]
    uneven = np.where(np.arange(150) < 140, "x", "y")
    unlabelled = np.full(150, UNKNOWN)

    notes = judged(falsified, unlabelled, cells["batch"])

    assert [note.split(" control")[0] for note in notes] == ["ilisi_knn gives the random"]
    assert judged(falsified, unlabelled, uneven) == ()


@pytest.mark.parametrize(
    ("batch", "association"),
    [("xyxy", 0.0), ("xxyy", 1.0), ("xxxx", float("nan"))],
    ids=["independent", "the same", "one batch"],
)
def test_association_of_types_and_batches_is_known_where_it_is_plain(batch, association):
    labels = np.array(["B", "B", "T", "T", UNKNOWN])

    made_of = composition(labels, np.array([*batch, "z"]))

    assert made_of.types.tolist() == [2, 2]
    assert made_of.association == pytest.approx(association, nan_ok=True)
