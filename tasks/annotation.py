"""Embed and annotate every cell of an atlas version."""

from typing import Final, NamedTuple

import torch
from prefect import task

from genemamba.atlas.versions.manifests import read_manifest
from genemamba.atlas.versions.view import AtlasView
from genemamba.catalog.catalog import Catalog
from genemamba.catalog.records import DatasetVersion
from genemamba.catalog.values import Edge
from genemamba.errors import CatalogError
from genemamba.inference.atlas import annotate_atlas, write_annotation
from genemamba.publishing import readable_folder
from genemamba.training.checkpoint import load_checkpoint
from tasks.ingest import COMMIT_MARK
from tasks.model import find_model
from tasks.policies import TRAIN_TIMEOUT_S
from tasks.progress import progress_bar
from tasks.stages import VIEW_MODULES, Produced, StagePlan, StageRef, run_stage, stage_ref
from tasks.workspace import Workspace

MODULES: Final = ("nn", "tokens", "training", "inference", "atlas/codecs.py", *VIEW_MODULES)
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
        libraries=("scikit-learn", "torch"),
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
                cache=workspace.cache("cache", "tokens"),
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


class FoundAnnotation(NamedTuple):
    """An annotation and the model that made it."""

    annotation: StageRef
    model: StageRef


def find_annotation(workspace: Workspace, version: StageRef, ref: str | None) -> FoundAnnotation:
    """Return the newest annotation of an atlas version, or the newest by one model.

    Parameters
    ----------
    workspace
        Where to look.
    version
        The atlas version.
    ref
        Model version such as ``lung-small@2``; None means any.

    Raises
    ------
    CatalogError
        There is no such annotation, or no such model.
    """
    wanted = find_model(workspace, ref).artifact.digest if ref else None
    with workspace.open_catalog() as catalog:
        for annotation in _newest_annotations(catalog, version.name):
            run = catalog.run(annotation.run_id)
            inputs = {edge.role: edge.artifact.digest for edge in run.inputs}
            if inputs["atlas"] == version.artifact.digest and wanted in (None, inputs["model"]):
                model = find_model(workspace, inputs["model"])
                return FoundAnnotation(stage_ref(run, reused=True), model)
    by = f" by {ref}" if ref else ""
    msg = (
        f"Expected an annotation of {version.label}{by}, found none. "
        f"Run `genemamba annotate --atlas {version.label}` first."
    )
    raise CatalogError(msg)


def _newest_annotations(catalog: Catalog, atlas: str) -> list[DatasetVersion]:
    try:
        return catalog.dataset_versions("annotation", atlas)[::-1]
    except CatalogError:
        return []
