"""Embed every cell of an atlas version, and give the genes of a model their vectors."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import torch
from prefect import task

from genemamba.atlas.versions.manifests import read_manifest
from genemamba.atlas.versions.view import AtlasView
from genemamba.catalog.values import Edge
from genemamba.inference.atlas_embedding import embed_atlas
from genemamba.inference.encoder import BackendOption
from genemamba.inference.gene_embeddings import (
    GeneStates,
    contextual_gene_embeddings,
    gene_embeddings,
    write_gene_embeddings,
)
from genemamba.inference.precision import DTYPES, Precision
from genemamba.nn.backends.names import choose_backend
from genemamba.provenance import Json
from genemamba.publishing import readable_folder, writable_file
from genemamba.training.checkpoint import Checkpoint, load_checkpoint
from tasks.ingest import COMMIT_MARK
from tasks.policies import TRAIN_TIMEOUT_S
from tasks.progress import progress_bar
from tasks.stages import (
    VIEW_MODULES,
    Produced,
    StagePlan,
    StageRef,
    resume_folder,
    run_stage,
)
from tasks.workspace import Workspace

_READING: Final = (
    "nn",
    "tokens",
    "training/checkpoint.py",
    *(f"inference/{name}.py" for name in ("embedding", "encoder", "precision")),
    *VIEW_MODULES,
)
"""Library modules that decide what a model makes of the cells of an atlas."""

MODULES: Final = (
    *_READING,
    "atlas/codecs.py",
    "atlas/ingest/shard_bytes.py",
    "inference/atlas_embedding.py",
    "inference/embedding_shards.py",
    "inference/models.py",
)
"""Library modules that decide what an embedding holds."""

GENE_MODULES: Final = (*_READING, "atlas/genes/tables.py", "inference/gene_embeddings.py")
"""Library modules that decide what a table of gene embeddings holds."""


@task(name="embed-version", timeout_seconds=TRAIN_TIMEOUT_S)
def embed_version(
    workspace: Workspace,
    version: StageRef,
    model: StageRef,
    *,
    device: str,
    backend: BackendOption = "torch",
    precision: Precision = "fp32",
) -> StageRef:
    """Write the embedding of every cell; a killed attempt goes on with the shards that it lacks."""
    backend = _settle(backend, device=device, precision=precision)
    plan = StagePlan(
        stage="embed",
        kind="embedding",
        folder="embeddings",
        suffix=".zarr",
        inputs=_inputs(version, model),
        params={"device": device, "backend": backend, "precision": precision},
        modules=MODULES,
        libraries=("torch",),
        commit_mark=COMMIT_MARK,
        resumable=True,
    )

    def work(staged: str) -> Produced:
        checkpoint = _load(model)
        provenance: dict[str, Json] = {
            "atlas": version.label,
            "model": model.label,
            "model_digest": model.artifact.digest,
        }
        with progress_bar("embedding", unit="cells") as bar:
            summary = embed_atlas(
                _view(version),
                checkpoint,
                staged,
                device=torch.device(device),
                backend=backend,
                precision=precision,
                provenance=provenance,
                cache=workspace.cache("cache", "tokens"),
                journal=resume_folder(workspace, plan) / "journal",
                progress=bar,
            )
        return Produced(
            facets={**summary.to_json(), "backend": backend, "precision": precision},
            version_of=("embedding", version.name),
            media_type="application/vnd+zarr",
        )

    return run_stage(workspace, plan, work)


@task(name="embed-genes", timeout_seconds=TRAIN_TIMEOUT_S)
def embed_genes(
    workspace: Workspace,
    version: StageRef,
    model: StageRef,
    *,
    states: GeneStates,
    device: str,
    backend: BackendOption = "torch",
    precision: Precision = "fp32",
) -> StageRef:
    """Write a table with the vector of every gene: the model's own, or its mean over the cells."""
    from_cells = states == "cells"
    if from_cells:
        backend = _settle(backend, device=device, precision=precision)
    run_by = {"device": device, "backend": backend, "precision": precision}
    plan = StagePlan(
        stage="embed-genes",
        kind="gene-embedding",
        folder="gene-embeddings",
        suffix=".tsv.gz",
        inputs=_inputs(version, model) if from_cells else _inputs(version, model)[1:],
        params={"states": states, **(run_by if from_cells else {})},
        modules=GENE_MODULES,
        libraries=("torch",),
    )

    def work(staged: str) -> Produced:
        checkpoint = _load(model)
        if from_cells:
            with progress_bar("embedding genes", unit="cells") as bar:
                table = contextual_gene_embeddings(
                    _view(version),
                    checkpoint,
                    device=torch.device(device),
                    backend=backend,
                    precision=precision,
                    cache=workspace.cache("cache", "tokens"),
                    progress=bar,
                )
        else:
            table = gene_embeddings(checkpoint)
        with writable_file(staged) as path:
            write_gene_embeddings(table, path)
        return Produced(
            facets={"states": states, "n_genes": len(table)}, media_type="application/gzip"
        )

    return run_stage(workspace, plan, work)


def _inputs(version: StageRef, model: StageRef) -> Sequence[Edge]:
    return [
        Edge(role="atlas", artifact=version.artifact),
        Edge(role="model", artifact=model.artifact),
    ]


def _view(version: StageRef) -> AtlasView:
    return AtlasView.open(read_manifest(version.artifact.uri))


def _load(model: StageRef) -> Checkpoint:
    with readable_folder(model.artifact.uri) as folder:
        return load_checkpoint(Path(folder))


def _settle(backend: BackendOption, *, device: str, precision: Precision) -> BackendOption:
    """Return the backend that the rule gives where none is named: it is part of the work's key."""
    chosen = choose_backend(backend, device=torch.device(device), dtype=DTYPES[precision])
    return chosen.name
