"""Score an annotation: integration and label transfer, beside baselines and controls."""

from collections.abc import Iterator
from typing import Final

from prefect import task

from genemamba.atlas.versions.manifests import read_manifest
from genemamba.atlas.versions.view import AtlasView
from genemamba.catalog.values import Edge, Metric
from genemamba.evaluation.annotation.split_files import read_split
from genemamba.evaluation.atlas import AtlasEvaluation, evaluate_atlas
from genemamba.evaluation.files import SCORES_FILE, write_evaluation
from genemamba.inference.atlas import read_annotation
from genemamba.publishing import writable_folder
from genemamba.training.supervision import saw_labels
from tasks.annotation_metrics import annotation_metrics
from tasks.policies import EVALUATE_TIMEOUT_S
from tasks.progress import progress_bar
from tasks.splitting import CellSplit
from tasks.stages import VIEW_MODULES, Produced, StagePlan, StageRef, run_stage
from tasks.workspace import Workspace

MODULES: Final = ("evaluation", "annotation", "training/supervision.py", *VIEW_MODULES)
"""Library modules that decide what a score is."""

LIBRARIES: Final = (
    "celltypist",
    "harmonypy",
    "scib-metrics",
    "scikit-learn",
    "scvi-tools",
    "umap-learn",
)
"""A new version of one of these scores again, controls included."""


@task(name="score-annotation", timeout_seconds=EVALUATE_TIMEOUT_S)
def score_annotation(
    workspace: Workspace,
    version: StageRef,
    model: StageRef,
    annotation: StageRef,
    *,
    split: CellSplit | None = None,
    seed: int,
    max_cells: int,
    slow_baselines: bool = False,
    kbet: bool = False,
) -> StageRef:
    """Score one annotation and enter every number in the history."""
    held_out = [Edge(role="split", artifact=split.artifact)] if split else []
    donor_key = split.donor_key if split else None
    plan = StagePlan(
        stage="evaluate",
        kind="evaluation",
        folder="evaluations",
        suffix="",
        inputs=[
            Edge(role="atlas", artifact=version.artifact),
            Edge(role="model", artifact=model.artifact),
            Edge(role="annotation", artifact=annotation.artifact),
            *held_out,
        ],
        params={
            "max_cells": max_cells,
            "donor_key": donor_key,
            "slow_baselines": slow_baselines,
            "kbet": kbet,
        },
        modules=MODULES,
        libraries=LIBRARIES,
        seed=seed,
        commit_mark=SCORES_FILE,
    )

    def work(staged: str) -> Produced:
        view = AtlasView.open(read_manifest(version.artifact.uri))
        with progress_bar("scoring") as bar:
            evaluation = evaluate_atlas(
                view,
                read_annotation(annotation.artifact.uri),
                seed=seed,
                max_cells=max_cells,
                supervised=saw_labels(model.artifact.facets),
                split=read_split(split.artifact.uri, view.obs, donor_key=donor_key)
                if split
                else None,
                slow_baselines=slow_baselines,
                kbet=kbet,
                progress=bar,
            )
        with writable_folder(staged) as folder:
            write_evaluation(evaluation, folder)
        return Produced(
            facets={"summary": evaluation.summary()},
            metrics=list(_metrics(evaluation, version.label, model.label)),
        )

    return run_stage(workspace, plan, work)


def _metrics(evaluation: AtlasEvaluation, version: str, model: str) -> Iterator[Metric]:
    """Baselines and controls carry the model too: their numbers stand beside its own."""
    for score in evaluation.integration.scores:
        yield Metric(
            name=score.metric,
            subject=score.embedding,
            value=score.value,
            implementation=score.implementation,
            n=score.n,
            slice=score.slice,
            ci_low=score.ci_low,
            ci_high=score.ci_high,
            dataset_version=version,
            model_version=model,
        )
    yield from annotation_metrics(evaluation.annotation, version, model)
