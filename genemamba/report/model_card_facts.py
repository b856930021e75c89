"""Facts of a model card: objective, settings, losses, and what made the model."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from genemamba.catalog.records import MetricRecord, ModelVersion, RunRecord
from genemamba.report.data import Fact, TrainingPoint
from genemamba.training.checkpoint_record import CheckpointRecord

LARGE: Final = 1_000
"""Losses and speeds from which on nothing stands behind the point."""

_SHOWN_ELSEWHERE: Final = ("findings", "n_parameters", "saw_labels")
"""Facts of a checkpoint that have a place of their own on the card."""


def objective_sentences(
    record: CheckpointRecord | None, base: ModelVersion | None, *, labelled: bool
) -> Iterator[str]:
    """Say what the model was trained to do.

    Parameters
    ----------
    record
        What its files say; None where they are not where they were.
    base
        Model version that it was made from.
    labelled
        Whether labels shaped its weights.
    """
    training = record.training if record else {}
    if base and labelled:
        yield f"Fine-tuned from {base.ref} to tell the authors' cell types apart."
    elif record is None:
        yield "Its files are not where they were, and its objective with them."
        return
    elif not training:
        yield "A published checkpoint: how it was trained is not in its files."
        return
    match training.get("objective"):
        case "masked":
            hidden, weight = training["mask_fraction"], training["contrast_weight"]
            yield (
                f"Masked genes: {hidden:.0%} of the genes of each random half of a cell are hidden"
                f" and named from the others, and the halves of a cell find each other (weight"
                f" {weight:g})."
            )
        case "next_token_causal":
            yield (
                "Next gene, causal: either direction names the gene that follows, without a look"
                " at it."
            )
        case "next_token_upstream":
            yield "Next gene as published: named by states that have seen it, so copying solves it."
    if training.get("gene_sets"):
        yield (
            "Genes of one gene set are to have similar states in a cell (weight"
            f" {training['gene_set_weight']:g}; gene sets {training['gene_sets'][7:19]})."
        )
    if not labelled:
        yield "No label was used."


def settings_facts(facets: Mapping[str, Any], record: CheckpointRecord | None) -> Iterator[Fact]:
    """List shape, size and every setting of the training.

    Parameters
    ----------
    facets
        Facts about the checkpoint, from the catalog.
    record
        What its files say; None where they are not where they were.
    """
    if record:
        model = record.model
        yield Fact(
            "Shape",
            f"{model['n_layer']} layers, {model['d_model']} wide, state {model['d_state']}",
        )
        yield Fact("Fusion of directions", str(model["fusion"]))
    for name, value in {**facets, **(record.training if record else {})}.items():
        if (
            name not in _SHOWN_ELSEWHERE
            and value is not None
            and not isinstance(value, list | dict)
        ):
            yield Fact(name, f"{value:.6g}" if isinstance(value, float) else str(value))


def losses_facts(metrics: Sequence[MetricRecord]) -> Iterator[Fact]:
    """List what the run that made the model recorded of losses and speed.

    Parameters
    ----------
    metrics
        Of that run.
    """
    for metric in metrics:
        value = f"{metric.value:,.0f}" if abs(metric.value) >= LARGE else f"{metric.value:.4g}"
        yield Fact(f"{metric.name.replace('_', ' ')}, {metric.slice}", value)


def loss_curve(record: CheckpointRecord | None) -> Iterator[TrainingPoint]:
    """Return the loss of each step.

    Parameters
    ----------
    record
        What the model's files say; None where they are not where they were.
    """
    for step in record.steps if record else ():
        if math.isfinite(step["loss"]):
            yield TrainingPoint(step["step"], step["loss"])


def provenance_facts(version: ModelVersion, run: RunRecord) -> Iterator[Fact]:
    """List what made the model: files, run, code, seed, inputs, environment.

    Parameters
    ----------
    version
        The model version.
    run
        The run that made it.
    """
    code = run.code
    commit = f"commit {code.git_commit}" if code.git_commit else "no commit"
    yield Fact("Checkpoint", version.artifact.digest)
    yield Fact("Files", f"{version.artifact.uri} ({version.artifact.size_bytes:,} bytes)")
    yield Fact("Made", f"{version.created_at:%Y-%m-%d %H:%M:%S} UTC")
    yield Fact("Run", f"{run.id}, stage {run.stage}")
    yield Fact(
        "Code",
        f"{code.package_version}, {commit}{', changed since' if code.git_dirty else ''},"
        f" source {code.source_digest}",
    )
    if run.seed is not None:
        yield Fact("Seed", str(run.seed))
    for edge in run.inputs:
        yield Fact(f"Input: {edge.role}", edge.artifact.digest)
    yield Fact("Environment", run.environment_digest)
    yield Fact("Python", f"{run.environment.get('python')}, {run.environment.get('platform')}")
    libraries = run.environment.get("libraries")
    if isinstance(libraries, Mapping):
        yield Fact("Libraries", ", ".join(f"{name} {v}" for name, v in libraries.items()))
