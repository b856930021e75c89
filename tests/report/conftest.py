"""A page's data with every part, made of 160 cells."""

from datetime import UTC, datetime

import numpy as np
import pytest

from genemamba.evaluation.annotation.scores import score_annotation
from genemamba.evaluation.integration.scores import IntegrationScore
from genemamba.keys import UNKNOWN, X_GENEMAMBA, X_PCA
from genemamba.report.data import (
    Annotation,
    AnnotationRow,
    Certainty,
    DepositRow,
    DrawnCells,
    Fact,
    InputDigest,
    Integration,
    Layout,
    ModelFacts,
    Provenance,
    ReportData,
    TrainingPoint,
)

DIGEST = "sha256:" + "0123456789abcdef" * 4

SCORES = {
    ("clisi_knn", "bio"): (0.91234, 0.85, 0.4, 1.0),
    ("silhouette_label", "bio"): (0.6, 0.6, 0.49, float("nan")),
    ("nmi_ari_cluster_labels_kmeans_ari", "bio"): (-0.004, 0.2, 0.0, 1.0),
    ("ilisi_knn", "batch"): (0.3, 0.25, 0.9, 0.7),
    ("bio_conservation", "aggregate"): (0.503, 0.55, 0.297, 1.0),
    ("batch_correction", "aggregate"): (0.3, 0.25, 0.9, 0.7),
    ("total", "aggregate"): (0.42, 0.43, 0.54, 0.88),
}


def integration_scores():
    return tuple(
        IntegrationScore(
            metric=metric,
            embedding=embedding,
            value=values[column],
            group=group,
            n=120,
            implementation="scib-metrics@0.5.10",
            note="ValueError: <b>&" if np.isnan(values[column]) else "",
            kind="control" if embedding in ("random", "perfect") else "zero-shot",
        )
        for column, embedding in enumerate((X_GENEMAMBA, X_PCA, "random", "perfect"))
        for (metric, group), values in SCORES.items()
    )


def run(key, title):
    return Provenance(
        key=key,
        title=title,
        run_id=f"0198a1b2-0000-7000-8000-{key:0>12}",
        code="genemamba 0.1.0, commit 4f1c9a2",
        seed=7,
        inputs=(InputDigest("atlas", "blood@3", DIGEST),),
        parameters={"max_cells": "20,000"},
        finished_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    )


@pytest.fixture
def report_data():
    rng = np.random.default_rng(0)
    types = np.array(["B cell", "T cell", "NK <cell>", UNKNOWN], dtype=object)
    label = types[rng.integers(0, 4, 160)]
    prediction = np.where(rng.random(160) < 0.8, label, "T cell")
    coordinates = rng.normal(0, 1, (160, 2)).astype(np.float32)
    known = label != UNKNOWN
    rows = tuple(
        AnnotationRow(
            method=method,
            score=score_annotation(label[known], predicted, seed=0),
            implementation="scikit-learn@1.9.1",
        )
        for method, predicted in (
            ("GeneMamba, linear probe", prediction[known]),
            ("Majority vote", np.full(known.sum(), "T cell")),
        )
    )
    return ReportData(
        atlas="blood",
        version="3",
        generated_at=datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
        n_obs=1_160,
        n_vars=17_234,
        deposits=(
            DepositRow(
                name="first & best",
                n_obs=160,
                n_vars=17_000,
                n_batches=2,
                n_labelled=120,
                digest=DIGEST,
                notes=("19 symbols match no gene.",),
                provenance="ingest",
            ),
        ),
        model=ModelFacts(
            name="blood-small@1",
            facts=(Fact("Layers", "4"),),
            history=tuple(TrainingPoint(step, 8 / step) for step in range(1, 41)),
            provenance="train",
        ),
        layouts=tuple(
            Layout(embedding=name, coordinates=coordinates, provenance="evaluate")
            for name in (X_GENEMAMBA, X_PCA)
        ),
        cells=DrawnCells(
            batch=np.array(["x", "y"], dtype=object)[rng.integers(0, 2, 160)],
            label=label,
            prediction=prediction,
        ),
        integration=Integration(
            scores=integration_scores(),
            notes=("Labelled cells lie in one batch.",),
            provenance="evaluate",
        ),
        annotation=Annotation(rows=rows, split="held-out cells: 30 cells", provenance="evaluate"),
        certainty=Certainty(
            coverage=np.array([0.5, 0.75, 1.0]),
            risk=np.array([0.0, 0.04, 0.2]),
            area=0.06,
            target=0.05,
            point=(0.75, 0.04),
            judged="120 labelled cells, by heads that had not seen their batch",
            facts=(Fact("Temperature", "1.25"),),
            reasons=(("accepted", 90), ("low confidence", 70)),
            provenance="evaluate",
        ),
        notes=("Two duplicates were left out.",),
        provenance=(run("ingest", "Ingest"), run("train", "Training"), run("evaluate", "Scores")),
    )
