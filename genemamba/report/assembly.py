"""From a lineage and its artifacts to what a page shows."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

import anndata as ad
import numpy as np
import numpy.typing as npt

from genemamba import keys
from genemamba.atlas.versions.manifests import AtlasManifest, StoreEntry
from genemamba.atlas.versions.view import AtlasView
from genemamba.catalog.graph import ArtifactNode, Lineage, RunNode
from genemamba.catalog.records import ArtifactRecord
from genemamba.errors import CatalogError
from genemamba.evaluation.atlas import BASELINE, MAJORITY, OURS, AtlasEvaluation
from genemamba.evaluation.integration.controls import PERFECT, RANDOM
from genemamba.report.data import (
    Annotation,
    AnnotationRow,
    DepositRow,
    DrawnCells,
    Fact,
    InputDigest,
    Integration,
    Layout,
    ModelFacts,
    Provenance,
    ReportData,
    TrainingPoint,
)
from genemamba.training.checkpoint import Checkpoint

STAGE_TITLES: Final[Mapping[str, str]] = {
    "reference": "Genes",
    "ingest": "Ingest of a deposit",
    "compose": "Composition of the atlas version",
    "pretrain": "Pretraining",
    "import": "Import of a published model",
    "embed": "Embedding",
    "annotate": "Annotation",
    "evaluate": "Scoring",
}
"""What each stage did, in the page's words."""

METHOD_TITLES: Final[Mapping[str, str]] = {
    OURS: "GeneMamba, linear probe",
    BASELINE: "PCA, logistic regression",
    MAJORITY: "Majority vote",
}
"""What each method is."""


def assemble_report(
    upstream: Lineage,
    run_ids: Collection[str],
    view: AtlasView,
    annotation: ad.AnnData,
    checkpoint: Checkpoint,
    evaluation: AtlasEvaluation,
) -> ReportData:
    """Gather everything that the page of one evaluation shows.

    Parameters
    ----------
    upstream
        Upstream lineage of the evaluation.
    run_ids
        Runs that composed, trained, annotated and scored: others may have made the same bytes.
    view
        The atlas version.
    annotation
        Its annotation.
    checkpoint
        The model.
    evaluation
        The scores.

    Raises
    ------
    CatalogError
        The lineage lacks a stage.
    """
    lineage = _without_twins(upstream, run_ids)
    scored = _run_of(lineage, "evaluate", run_ids)
    integration = Integration(
        scores=evaluation.integration.scores,
        notes=evaluation.integration.notes,
        controls=(RANDOM, PERFECT),
        provenance=_key(scored),
    )
    return ReportData(
        atlas=view.manifest.atlas,
        version=_version(lineage, run_ids),
        generated_at=scored.ended_at or scored.started_at,
        n_obs=len(view.obs),
        n_vars=len(view.gene_ids),
        deposits=tuple(_deposits(lineage, view.manifest)),
        model=_model_facts(lineage, checkpoint, run_ids),
        layouts=tuple(
            Layout(embedding=name, coordinates=coordinates, provenance=_key(scored))
            for name, coordinates in evaluation.umap.items()
        ),
        cells=_drawn_cells(view, annotation, evaluation.drawn_rows),
        integration=integration,
        annotation=_annotation(evaluation, _key(scored)),
        notes=evaluation.notes,
        provenance=tuple(_provenance(lineage)),
    )


def _annotation(evaluation: AtlasEvaluation, provenance: str) -> Annotation | None:
    if not evaluation.annotation:
        return None
    rows = tuple(
        AnnotationRow(
            method=METHOD_TITLES[name],
            score=score,
            implementation=score.implementation,
        )
        for name, score in evaluation.annotation.items()
    )
    return Annotation(rows=rows, split=evaluation.split or "", provenance=provenance)


def _drawn_cells(view: AtlasView, annotation: ad.AnnData, rows: npt.NDArray[np.intp]) -> DrawnCells:
    obs = view.obs.iloc[rows]
    predicted = annotation.obs[keys.CELL_TYPE_PRED].reindex(obs.index)
    return DrawnCells(
        batch=obs[keys.BATCH].to_numpy(dtype=object),
        label=obs[keys.CELL_TYPE].to_numpy(dtype=object),
        prediction=predicted.to_numpy(dtype=object),
    )


def _model_facts(lineage: Lineage, checkpoint: Checkpoint, run_ids: Collection[str]) -> ModelFacts:
    stage = "pretrain" if checkpoint.training_config else "import"
    run = _run_of(lineage, stage, run_ids)
    (made,) = _artifacts(lineage, run, "out")
    config = checkpoint.model_config
    heldout = checkpoint.heldout_loss
    facts = [
        Fact("Shape", f"{config.n_layer} layers, {config.d_model} wide, state {config.d_state}"),
        Fact("Fusion of directions", config.fusion),
        Fact("Parameters", f"{made.facets['n_parameters']:,}"),
        Fact("Vocabulary", f"{len(checkpoint.vocabulary.gene_ids):,} genes"),
        *_course(checkpoint),
        Fact("Genes kept of a cell", f"{checkpoint.seqlen:,}"),
    ]
    if heldout is not None:
        facts.append(Fact("Loss on held-out cells", f"{heldout:.3f} nats a gene"))
    return ModelFacts(
        name=_names(lineage, made, "model"),
        facts=tuple(facts),
        history=tuple(TrainingPoint(step.step, step.loss) for step in checkpoint.history),
        provenance=_key(run),
    )


def _course(checkpoint: Checkpoint) -> list[Fact]:
    training = checkpoint.training_config
    if training is None:
        return [
            Fact("Training", "published checkpoint, imported"),
            Fact("Padding", checkpoint.model_config.padding),
        ]
    return [
        Fact("Objective", f"masked genes, {training.mask_fraction:.0%} hidden; no labels"),
        Fact("Training", f"{training.steps:,} steps of {training.minibatch_size} cells"),
    ]


def _deposits(lineage: Lineage, manifest: AtlasManifest) -> Iterator[DepositRow]:
    """Describe the stores of the version; a model may have been trained on others."""
    makers = {edge.digest: edge.run_id for edge in lineage.edges if edge.direction == "out"}
    runs = {run.id: run for run in _runs(lineage)}
    for entry in manifest.stores:
        run = runs[makers[entry.digest]]
        (store,) = _artifacts(lineage, run, "out")
        inputs = _artifacts(lineage, run, "in")
        (deposit,) = [artifact for artifact in inputs if artifact.kind == "deposit"]
        report: Any = store.facets["report"]
        yield DepositRow(
            name=entry.name,
            n_obs=report["n_obs"],
            n_vars=report["n_vars"],
            n_batches=len(report["batches"]),
            n_labelled=report["labelled"],
            digest=deposit.digest,
            notes=(
                *(finding["message"] for finding in report["findings"]),
                *_left_out_notes(entry),
            ),
            provenance=_key(run),
        )


def _left_out_notes(entry: StoreEntry) -> Iterator[str]:
    for part in entry.left_out:
        reason = f"copies of cells of {part.kept_by}" if part.kept_by else "by the quality filter"
        yield f"{part.n_obs:,} cells are left out: {reason}."


def _provenance(lineage: Lineage) -> Iterator[Provenance]:
    for run in _runs(lineage):
        made = _artifacts(lineage, run, "out")
        yield Provenance(
            key=_key(run),
            title=f"{STAGE_TITLES[run.stage]}: {_names(lineage, made[0], '') or made[0].kind}",
            run_id=run.id,
            code=_code(run),
            seed=run.seed,
            inputs=tuple(
                InputDigest(artifact.kind, artifact.uri.rpartition("/")[2], artifact.digest)
                for artifact in _artifacts(lineage, run, "in")
            ),
            parameters={name: str(value) for name, value in sorted(run.params.items())},
            finished_at=run.ended_at,
        )


def _code(run: RunNode) -> str:
    commit = f"commit {run.code.git_commit[:12]}" if run.code.git_commit else "no commit"
    changed = ", changed since" if run.code.git_dirty else ""
    return f"{run.code.package_version}, {commit}{changed}, source {run.code.source_digest[7:19]}"


def _without_twins(lineage: Lineage, run_ids: Collection[str]) -> Lineage:
    """Leave out other runs that made the bytes that one of the given runs made."""
    made = {e.digest for e in lineage.edges if e.direction == "out" and e.run_id in run_ids}
    twins = {
        edge.run_id
        for edge in lineage.edges
        if edge.direction == "out" and edge.digest in made and edge.run_id not in run_ids
    }
    nodes = tuple(n for n in lineage.nodes if isinstance(n, ArtifactNode) or n.id not in twins)
    return replace(lineage, nodes=nodes)


def _runs(lineage: Lineage) -> list[RunNode]:
    return [node for node in lineage.nodes if isinstance(node, RunNode)]


def _run_of(lineage: Lineage, stage: str, run_ids: Collection[str]) -> RunNode:
    found = [run for run in _runs(lineage) if run.stage == stage and run.id in run_ids]
    if len(found) != 1:
        msg = f"Expected one run of stage {stage!r} behind the evaluation, found {len(found)}."
        raise CatalogError(msg)
    return found[0]


def _artifacts(lineage: Lineage, run: RunNode, direction: str) -> list[ArtifactRecord]:
    known = {
        node.artifact.digest: node.artifact
        for node in lineage.nodes
        if isinstance(node, ArtifactNode)
    }
    return [
        known[edge.digest]
        for edge in lineage.edges
        if edge.run_id == run.id and edge.direction == direction
    ]


def _names(lineage: Lineage, artifact: ArtifactRecord, kind: str) -> str:
    refs = next(
        node.refs
        for node in lineage.nodes
        if isinstance(node, ArtifactNode) and node.artifact.digest == artifact.digest
    )
    return next((ref.partition(":")[2] for ref in refs if ref.startswith(kind)), "")


def _version(lineage: Lineage, run_ids: Collection[str]) -> str:
    (manifest,) = _artifacts(lineage, _run_of(lineage, "compose", run_ids), "out")
    return _names(lineage, manifest, "atlas").rpartition("@")[2]


def _key(run: RunNode) -> str:
    return f"{run.stage}-{run.id[:8]}"
