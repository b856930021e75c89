"""Embed and annotate every cell of an atlas version."""

from typing import Final

import torch
from prefect import task

from genemamba.atlas.versions import read_manifest
from genemamba.atlas.view import AtlasView
from genemamba.catalog.values import Edge
from genemamba.errors import CatalogError
from genemamba.inference.atlas import annotate_atlas, write_annotation
from genemamba.publishing import readable_folder
from genemamba.training.checkpoint import load_checkpoint
from tasks.ingest import COMMIT_MARK
from tasks.policies import TRAIN_TIMEOUT_S
from tasks.progress import progress_bar
from tasks.stages import VIEW_MODULES, Produced, StagePlan, StageRef, run_stage, stage_ref
from tasks.workspace import Workspace

MODULES: Final = ("nn", "tokens", "training/checkpoint.py", "inference", *VIEW_MODULES)
"""Library modules that decide what an annotation says."""


@task(name="annotate-version", timeout_seconds=TRAIN_TIMEOUT_S)
def annotate_version(
    workspace: Workspace,
    version: StageRef,
    model: StageRef,
    *,
    threshold: float,
    seed: int,
    device: str,
) -> StageRef:
    """Write embedding, label and confidence of every cell, by one model."""
    plan = StagePlan(
        stage="annotate",
        kind="annotation",
        folder="annotations",
        suffix=".zarr",
        inputs=[
            Edge(role="atlas", artifact=version.artifact),
            Edge(role="model", artifact=model.artifact),
        ],
        params={"threshold": threshold, "device": device},
        modules=MODULES,
        seed=seed,
        commit_mark=COMMIT_MARK,
    )

    def work(staged: str) -> Produced:
        view = AtlasView.open(read_manifest(version.artifact.uri))
        with readable_folder(model.artifact.uri) as folder:
            checkpoint = load_checkpoint(folder)
        with progress_bar("embedding") as bar:
            adata = annotate_atlas(
                view,
                checkpoint,
                threshold=threshold,
                seed=seed,
                device=torch.device(device),
                progress=bar,
            )
        provenance = {
            "atlas": version.label,
            "model": model.label,
            "model_digest": model.artifact.digest,
        }
        facets = write_annotation(adata, staged, provenance=provenance)
        return Produced(
            facets=facets,
            version_of=("annotation", version.name),
            media_type="application/vnd+zarr",
        )

    return run_stage(workspace, plan, work)


def find_annotation(workspace: Workspace, version: StageRef, model: StageRef) -> StageRef:
    """Return the newest annotation of an atlas version by a model.

    Raises
    ------
    CatalogError
        There is none yet.
    """
    wanted = {version.artifact.digest, model.artifact.digest}
    with workspace.open_catalog() as catalog:
        for annotation in reversed(catalog.dataset_versions("annotation", version.name)):
            run = catalog.run(annotation.run_id)
            if wanted <= {edge.artifact.digest for edge in run.inputs}:
                return stage_ref(run, reused=True)
    msg = (
        f"Expected an annotation of {version.label} by {model.label}, found none. "
        f"Run `genemamba annotate --atlas {version.label} --model {model.label}` first."
    )
    raise CatalogError(msg)
