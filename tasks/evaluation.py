"""Score an annotation: integration and label transfer, beside baselines and controls."""

from collections.abc import Iterator
from typing import Final

from prefect import task

from genemamba.atlas.versions.manifests import read_manifest
from genemamba.atlas.versions.view import AtlasView
from genemamba.catalog.values import Edge, Metric
from genemamba.evaluation.atlas import AtlasEvaluation, evaluate_atlas
from genemamba.evaluation.files import SCORES_FILE, write_evaluation
from genemamba.inference.atlas import read_annotation
from genemamba.publishing import writable_folder
from tasks.policies import EVALUATE_TIMEOUT_S
from tasks.progress import progress_bar
from tasks.stages import VIEW_MODULES, Produced, StagePlan, StageRef, run_stage
from tasks.workspace import Workspace

MODULES: Final = ("evaluation", "annotation", *VIEW_MODULES)
"""Library modules that decide what a score is."""

LIBRARIES: Final = ("scib-metrics", "scikit-learn", "umap-learn")
"""A new version of one of these scores again, controls included."""


@task(name="score-annotation", timeout_seconds=EVALUATE_TIMEOUT_S)
def score_annotation(
    workspace: Workspace,
    version: StageRef,
    model: StageRef,
    annotation: StageRef,
    *,
    seed: int,
    max_cells: int,
) -> StageRef:
    """Score one annotation and enter every number in the history."""
    plan = StagePlan(
        stage="evaluate",
        kind="evaluation",
        folder="evaluations",
        suffix="",
        inputs=[
            Edge(role="atlas", artifact=version.artifact),
            Edge(role="model", artifact=model.artifact),
            Edge(role="annotation", artifact=annotation.artifact),
        ],
        params={"max_cells": max_cells},
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
            dataset_version=version,
            model_version=model,
        )
    for method, scored in evaluation.annotation.items():
        for name, value, interval in (
            ("accuracy", scored.accuracy, scored.accuracy_interval),
            ("macro_f1", scored.macro_f1, scored.macro_f1_interval),
        ):
            yield Metric(
                name=name,
                subject=method,
                value=value,
                implementation=scored.implementation,
                n=scored.n,
                slice="held-out labelled cells",
                split=evaluation.split_kind,
                ci_low=interval.low,
                ci_high=interval.high,
                dataset_version=version,
                model_version=model,
            )
