"""Score what a model knows of genes, and enter every number in the history."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import torch
from prefect import task

from genemamba.atlas.versions.manifests import read_manifest
from genemamba.atlas.versions.view import AtlasView
from genemamba.catalog.values import ArtifactInfo, Edge, Metric
from genemamba.evaluation.genes.atlas import evaluate_genes
from genemamba.evaluation.genes.files import GENE_SCORES_FILE, write_gene_evaluation
from genemamba.evaluation.genes.scores import GeneEvaluation, GeneScore
from genemamba.publishing import readable_folder, writable_folder
from genemamba.tokens.gmt import GmtFile
from genemamba.training.checkpoint import load_checkpoint
from tasks.model import NAME_MODULES
from tasks.policies import TRAIN_TIMEOUT_S
from tasks.progress import progress_bar
from tasks.stages import VIEW_MODULES, Produced, StagePlan, StageRef, run_stage
from tasks.workspace import Workspace

STAGE: Final = "evaluate-genes"
"""What runs that score genes are called."""

MODULES: Final = (
    "evaluation/genes",
    "evaluation/pca.py",
    "nn",
    "tokens",
    "training/checkpoint.py",
    *(
        f"inference/{name}.py"
        for name in ("embedding", "encoder", "gene_embeddings", "models", "precision")
    ),
    *VIEW_MODULES,
    *NAME_MODULES,
)
"""Library modules that decide what a score of genes is."""

LIBRARIES: Final = ("torch", "rapidfuzz", "nltk")
"""A new version of one of these scores again, controls included."""


@task(name="score-genes", timeout_seconds=TRAIN_TIMEOUT_S)
def score_genes(
    workspace: Workspace,
    version: StageRef,
    model: StageRef,
    gene_sets: GmtFile,
    *,
    seed: int,
    max_cells: int,
    device: str,
) -> StageRef:
    """Score the genes of a model on the cells of an atlas version, beside baselines and controls."""
    plan = StagePlan(
        stage=STAGE,
        kind="gene-evaluation",
        folder="evaluations",
        suffix="",
        inputs=[
            Edge(role="atlas", artifact=version.artifact),
            Edge(role="model", artifact=model.artifact),
            Edge(role="gene-sets", artifact=_artifact(gene_sets)),
        ],
        params={"max_cells": max_cells, "device": device},
        modules=MODULES,
        libraries=LIBRARIES,
        seed=seed,
        commit_mark=GENE_SCORES_FILE,
    )

    def work(staged: str) -> Produced:
        with readable_folder(model.artifact.uri) as folder:
            checkpoint = load_checkpoint(Path(folder))
        with progress_bar("reading genes", unit="cells") as bar:
            evaluation = evaluate_genes(
                AtlasView.open(read_manifest(version.artifact.uri)),
                checkpoint,
                gene_sets,
                seed=seed,
                max_cells=max_cells,
                device=torch.device(device),
                cache=workspace.cache("cache", "tokens"),
                progress=bar,
            )
        with writable_folder(staged) as folder:
            write_gene_evaluation(evaluation, folder)
        return Produced(
            facets={"summary": evaluation.summary()},
            metrics=list(_metrics(evaluation, version.label, model.label)),
        )

    return run_stage(workspace, plan, work)


def _metrics(evaluation: GeneEvaluation, version: str, model: str) -> Iterator[Metric]:
    """Baselines and controls carry the model too: their numbers stand beside its own."""
    for score in evaluation.scores:
        interval = score.interval
        yield _metric(score, score.metric, score.value, version, model, interval)
        if score.null:
            yield _metric(score, f"{score.metric}_p_value", score.null.p_value, version, model)


def _metric(
    score: GeneScore,
    name: str,
    value: float,
    version: str,
    model: str,
    interval: tuple[float, float] | None = None,
) -> Metric:
    low, high = interval if interval and all(map(math.isfinite, interval)) else (None, None)
    return Metric(
        name=name,
        subject=score.subject,
        value=value,
        implementation=score.implementation,
        n=score.n,
        slice=score.slice,
        ci_low=low,
        ci_high=high,
        dataset_version=version,
        model_version=model,
    )


def _artifact(gene_sets: GmtFile) -> ArtifactInfo:
    return ArtifactInfo(
        digest=gene_sets.digest,
        kind="gene-sets",
        uri=str(gene_sets.path.resolve()),
        size_bytes=gene_sets.path.stat().st_size,
        media_type="text/tab-separated-values",
    )
