"""Pretrain GeneMamba on an atlas version, without a look at any label."""

from dataclasses import replace
from typing import Final

import torch
from prefect import task

from genemamba.atlas.versions.manifests import read_manifest
from genemamba.atlas.versions.view import AtlasView
from genemamba.catalog.values import Edge
from genemamba.errors import CatalogError
from genemamba.publishing import exclusive_folder, writable_folder
from genemamba.training.atlas import pretrain_on_atlas
from genemamba.training.checkpoint import save_checkpoint
from genemamba.training.presets import PresetName
from tasks.policies import TRAIN_TIMEOUT_S
from tasks.progress import progress_bar
from tasks.stages import (
    VIEW_MODULES,
    Produced,
    StagePlan,
    StageRef,
    run_stage,
    short_digest,
    stage_ref,
)
from tasks.workspace import Workspace

MODULES: Final = ("nn", "tokens", "training", *VIEW_MODULES)
"""Library modules that decide what a checkpoint holds."""


@task(name="train-model", timeout_seconds=TRAIN_TIMEOUT_S)
def train_model(
    workspace: Workspace,
    version: StageRef,
    *,
    preset: PresetName,
    steps: int | None,
    seed: int,
    device: str,
) -> StageRef:
    """Train a model on every cell of an atlas version, or find the one that was.

    A killed training goes on from its last saved state.
    """
    plan = StagePlan(
        stage="pretrain",
        kind="checkpoint",
        folder="models",
        suffix="",
        inputs=[Edge(role="atlas", artifact=version.artifact)],
        params={"preset": preset, "steps": steps, "device": device},
        modules=MODULES,
        libraries=("torch",),
        seed=seed,
        commit_mark="config.json",
    )
    saved = workspace.cache("training", short_digest(plan.work_key))

    def work(staged: str) -> Produced:
        view = AtlasView.open(read_manifest(version.artifact.uri))
        with exclusive_folder(saved) as resume, progress_bar("pretraining") as bar:
            result = pretrain_on_atlas(
                view,
                preset=preset,
                steps=steps,
                seed=seed,
                device=torch.device(device),
                resume_dir=resume,
                progress=bar,
            )
            with writable_folder(staged) as folder:
                save_checkpoint(folder, result)
        facets = {
            "preset": preset,
            "steps": len(result.history),
            "final_loss": result.history[-1].loss,
            "heldout_loss": result.heldout_loss,
            "n_parameters": sum(weight.numel() for weight in result.model.parameters()),
        }
        return Produced(facets=facets, model_name=f"{version.name}-{preset}")

    return run_stage(workspace, plan, work)


def find_model(
    workspace: Workspace, ref: str | None, *, trained_on: StageRef | None = None
) -> StageRef:
    """Return a model version by reference, or the newest that was trained on an atlas version.

    Raises
    ------
    CatalogError
        There is none.
    """
    with workspace.open_catalog() as catalog:
        if ref:
            model = catalog.model(ref)
            found = stage_ref(catalog.run(model.run_id), reused=True)
            return replace(found, label=model.ref)
        for model in sorted(catalog.models(), key=lambda m: m.created_at, reverse=True):
            run = catalog.run(model.run_id)
            if trained_on and trained_on.artifact.digest in {e.artifact.digest for e in run.inputs}:
                return stage_ref(run, reused=True)
    where = trained_on.label if trained_on else "any atlas"
    msg = (
        f"Expected a model trained on {where}, found none. Run `genemamba pretrain` first, "
        "or name one with --model; `genemamba model list` shows those there are."
    )
    raise CatalogError(msg)
