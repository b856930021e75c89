"""Fine-tune a model on the labels of an atlas version: another model version, with its own head."""

from collections.abc import Iterator
from typing import Final

import torch
from prefect import task

from genemamba.annotation.label_rules import FINE_TUNE, HeadName
from genemamba.atlas.versions.manifests import read_manifest
from genemamba.atlas.versions.view import AtlasView
from genemamba.catalog.values import Edge, Metric
from genemamba.provenance import library_version
from genemamba.publishing import exclusive_folder, readable_folder, writable_folder
from genemamba.training.checkpoint import load_checkpoint
from genemamba.training.fine_tuning.atlas import fine_tune_on_atlas
from genemamba.training.fine_tuning.fine_tune import FineTuned, save_fine_tuned
from genemamba.training.fine_tuning.validation_cells import save_validation_cells
from genemamba.training.supervision import SAW_LABELS, saw_labels
from tasks.model import MODULES as TRAINING_MODULES
from tasks.policies import TRAIN_TIMEOUT_S
from tasks.progress import progress_bar
from tasks.stages import Produced, StagePlan, StageRef, run_stage, short_digest
from tasks.workspace import Workspace

MODULES: Final = (
    *TRAINING_MODULES,
    "annotation/labelled_cells.py",
    "annotation/linear_probe.py",
    "annotation/probe_files.py",
)
"""Library modules that decide what a fine-tuned checkpoint holds."""

SUFFIX: Final = "-fine-tuned"
"""Behind the name of the model that was fine-tuned."""


@task(name="fine-tune-model", timeout_seconds=TRAIN_TIMEOUT_S)
def fine_tune_model(
    workspace: Workspace,
    version: StageRef,
    base: StageRef,
    *,
    seed: int,
    device: str,
    steps: int | None = None,
) -> StageRef:
    """Train every weight of a model on the labels of an atlas version, or find the one that was.

    A killed training goes on from its last saved state.
    """
    plan = StagePlan(
        stage="fine-tune",
        kind="checkpoint",
        folder="models",
        suffix="",
        inputs=[
            Edge(role="atlas", artifact=version.artifact),
            Edge(role="model", artifact=base.artifact),
        ],
        params={"steps": steps, "device": device},
        modules=MODULES,
        libraries=("torch",),
        seed=seed,
        commit_mark="config.json",
    )
    saved = workspace.cache("training", short_digest(plan.work_key))

    def work(staged: str) -> Produced:
        view = AtlasView.open(read_manifest(version.artifact.uri))
        with readable_folder(base.artifact.uri) as folder:
            checkpoint = load_checkpoint(folder)
        with exclusive_folder(saved) as resume, progress_bar("fine-tuning") as bar:
            tuned = fine_tune_on_atlas(
                view,
                checkpoint,
                steps=steps,
                seed=seed,
                device=torch.device(device),
                cache=workspace.cache("cache", "tokens"),
                resume_dir=resume,
                progress=bar,
                watch=bar.note if bar else None,
            )
            with writable_folder(staged) as folder:
                save_validation_cells(folder, tuned.validation_cells)
                save_fine_tuned(folder, tuned.result)
        result = tuned.result
        name = f"{base.name}{SUFFIX}"
        return Produced(
            facets={
                SAW_LABELS: True,
                "base": base.label,
                "base_digest": base.artifact.digest,
                "labels_of": version.label,
                "classes": list(result.probe.classes),
                "steps": len(result.checkpoint.history),
                "n_train": result.n_train,
                "n_validation": len(result.validation_rows),
                "final_loss": result.checkpoint.history[-1].loss,
                "heldout_loss": result.checkpoint.heldout_loss,
                "objective": "labels",
                "n_parameters": sum(w.numel() for w in result.checkpoint.model.parameters()),
                "findings": [],
            },
            metrics=list(_metrics(result, version.label, name)),
            model_name=name,
        )

    return run_stage(workspace, plan, work)


def model_of_head(
    workspace: Workspace,
    version: StageRef,
    chosen: StageRef,
    head: HeadName,
    *,
    seed: int,
    device: str,
) -> StageRef:
    """Return the model whose embedding a head reads: the chosen one, or one fine-tuned from it.

    A model that was fine-tuned already is taken as it is.
    """
    if head != FINE_TUNE or saw_labels(chosen.artifact.facets):
        return chosen
    return fine_tune_model(workspace, version, chosen, seed=seed, device=device)


def _metrics(result: FineTuned, version: str, model: str) -> Iterator[Metric]:
    """How well labels were learnt, in nats, and how fast."""
    values = {
        ("training_loss", "labelled cells trained on", result.n_train): result.checkpoint.history[
            -1
        ].loss,
        (
            "validation_loss",
            "labelled cells set apart",
            len(result.validation_rows),
        ): result.checkpoint.heldout_loss,
        ("tokens_per_s", "labelled cells trained on", result.n_train): result.speed.tokens_per_s,
    }
    for (metric, cells, n), value in values.items():
        if value is not None:
            yield Metric(
                name=metric,
                subject=model,
                value=value,
                implementation=library_version("torch"),
                slice=cells,
                dataset_version=version,
                n=n,
            )
