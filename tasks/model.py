"""Pretrain GeneMamba on an atlas version, without a look at any label."""

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import torch
from prefect import task

from genemamba.atlas.genes.mapping import load_reference
from genemamba.atlas.versions.manifests import read_manifest
from genemamba.atlas.versions.view import AtlasView
from genemamba.catalog.values import Edge, Metric
from genemamba.errors import CatalogError
from genemamba.provenance import library_version
from genemamba.publishing import exclusive_folder, writable_folder
from genemamba.tokens.gene_sets import GeneSets
from genemamba.training.atlas import pretrain_on_atlas
from genemamba.training.checkpoint import save_checkpoint
from genemamba.training.presets import PresetName
from genemamba.training.pretrain import PretrainResult
from genemamba.training.supervision import saw_labels
from tasks.policies import TRAIN_TIMEOUT_S
from tasks.progress import progress_bar
from tasks.settings import CourseSettings, ObjectiveSettings
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

DEFAULTS: Final = ObjectiveSettings()
"""What is learnt where nothing else is said."""

DEFAULT_COURSE: Final = CourseSettings()
"""How it is learnt where nothing else is said."""

MODULES: Final = ("nn", "tokens", "training", *VIEW_MODULES)
"""Library modules that decide what a checkpoint holds."""

NAME_MODULES: Final = tuple(
    f"atlas/genes/{name}.py" for name in ("dates", "names", "reference", "tables")
)
"""Library modules that also do where gene sets name their genes."""


@task(name="train-model", timeout_seconds=TRAIN_TIMEOUT_S)
def train_model(
    workspace: Workspace,
    version: StageRef,
    *,
    preset: PresetName,
    steps: int | None,
    seed: int,
    device: str,
    objective: ObjectiveSettings = DEFAULTS,
    course: CourseSettings = DEFAULT_COURSE,
) -> StageRef:
    """Train a model on every cell of an atlas version, or find the one that was.

    A killed training goes on from its last saved state.
    """
    gene_sets = objective.read_gene_sets()
    plan = StagePlan(
        stage="pretrain",
        kind="checkpoint",
        folder="models",
        suffix="",
        inputs=[Edge(role="atlas", artifact=version.artifact)],
        params={
            "preset": preset,
            "steps": steps,
            "device": device,
            **objective.params(gene_sets),
            **course.changes(),
        },
        modules=(*MODULES, *NAME_MODULES) if gene_sets else MODULES,
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
                objective=objective.objective,
                gene_sets=gene_sets,
                gene_set_weight=objective.gene_set_weight,
                value_tokens=objective.value_tokens,
                changes=course.changes(),
                resume_dir=resume,
                cache=workspace.cache("cache", "tokens"),
                progress=bar,
                watch=bar.note if bar else None,
            )
            with writable_folder(staged) as folder:
                save_checkpoint(folder, result)
        findings = list(result.findings)
        if gene_sets:
            matched = GeneSets.match(gene_sets, result.vocabulary, load_reference())
            findings.append(matched.finding)
        facets = {
            "preset": preset,
            "steps": len(result.history),
            "final_loss": result.history[-1].loss,
            "heldout_loss": result.heldout_loss,
            "n_parameters": sum(weight.numel() for weight in result.model.parameters()),
            "objective": result.training_config.objective,
            "gene_sets": result.training_config.gene_sets,
            "value_bins": result.model_config.value_bins,
            "findings": [finding.to_json() for finding in findings],
        }
        name = f"{version.name}-{preset}"
        return Produced(
            facets=facets, metrics=list(_metrics(result, version.label, name)), model_name=name
        )

    return run_stage(workspace, plan, work)


def _metrics(result: PretrainResult, version: str, model: str) -> Iterator[Metric]:
    """How well and how fast the model was trained; the speed is that of this run's own steps."""
    heldout = result.heldout_loss
    values = {
        ("training_loss", "cells trained on"): result.history[-1].loss,
        ("validation_loss", "held-out cells"): heldout,
        ("validation_perplexity", "held-out cells"): None if heldout is None else math.exp(heldout),
        ("tokens_per_s", "cells trained on"): result.speed.tokens_per_s,
        ("utilisation", "cells trained on"): result.speed.utilisation,
    }
    for (metric, cells), value in values.items():
        if value is not None:
            yield Metric(
                name=metric,
                subject=model,
                value=value,
                implementation=library_version("torch"),
                slice=cells,
                dataset_version=version,
            )


def find_model(
    workspace: Workspace, ref: str | None, *, trained_on: StageRef | None = None
) -> StageRef:
    """Return a model version by reference, or the newest that was trained on an atlas version.

    One that saw labels must be named: what is learnt on top of it would look better than it is.

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
                found = stage_ref(run, reused=True)
                if not saw_labels(found.artifact.facets):
                    return found
    where = trained_on.label if trained_on else "any atlas"
    msg = (
        f"Expected a model trained on {where}, found none. Run `genemamba pretrain` first, "
        "or name one with --model; `genemamba model list` shows those there are."
    )
    raise CatalogError(msg)
