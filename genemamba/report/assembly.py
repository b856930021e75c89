"""From a lineage and its artifacts to what a page shows."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any

import anndata as ad
import numpy as np
import numpy.typing as npt

from genemamba import keys
from genemamba.atlas.versions.manifests import AtlasManifest, StoreEntry
from genemamba.atlas.versions.view import AtlasView
from genemamba.catalog.graph import Lineage
from genemamba.evaluation.annotation.evaluation import AnnotationEvaluation
from genemamba.evaluation.annotation.term_scores import TermScores
from genemamba.evaluation.atlas import AtlasEvaluation
from genemamba.evaluation.genes.scores import GeneEvaluation
from genemamba.report.coverage import read_certainty
from genemamba.report.data import (
    Annotation,
    AnnotationRow,
    DepositRow,
    DrawnCells,
    Fact,
    Genes,
    Integration,
    Layout,
    ModelFacts,
    ReportData,
    TrainingPoint,
)
from genemamba.report.lineage_facts import (
    artifacts_of,
    name_of,
    provenance_of,
    run_key,
    run_of,
    runs_of,
    version_number,
    without_twins,
)
from genemamba.report.names import method_title
from genemamba.report.terms import term_table
from genemamba.training.checkpoint import Checkpoint
from genemamba.training.supervision import saw_labels


def assemble_report(
    upstream: Lineage,
    run_ids: Collection[str],
    view: AtlasView,
    annotation: ad.AnnData,
    checkpoint: Checkpoint,
    evaluation: AtlasEvaluation,
    term_scores: TermScores | None = None,
) -> ReportData:
    """Gather everything that the page of one evaluation shows.

    Parameters
    ----------
    upstream
        Upstream lineage of the evaluation, or of its scores in the Cell Ontology.
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
    term_scores
        Scores in the Cell Ontology.

    Raises
    ------
    CatalogError
        The lineage lacks a stage.
    """
    lineage = without_twins(upstream, run_ids)
    scored = run_of(lineage, "evaluate", run_ids)
    integration = Integration(
        scores=evaluation.integration.scores,
        notes=evaluation.integration.notes,
        provenance=run_key(scored),
    )
    return ReportData(
        atlas=view.manifest.atlas,
        version=version_number(lineage, run_ids),
        generated_at=scored.ended_at or scored.started_at,
        n_obs=len(view.obs),
        n_vars=len(view.gene_ids),
        deposits=tuple(_deposits(lineage, view.manifest)),
        model=_model_facts(lineage, checkpoint, run_ids),
        layouts=tuple(
            Layout(embedding=name, coordinates=coordinates, provenance=run_key(scored))
            for name, coordinates in evaluation.umap.items()
        ),
        cells=_drawn_cells(view, annotation, evaluation.drawn_rows),
        integration=integration,
        annotation=_annotation(evaluation.annotation, run_key(scored)),
        terms=term_table(
            term_scores,
            title=method_title,
            provenance=run_key(run_of(lineage, "score-terms", run_ids)) if term_scores else "",
        ),
        certainty=read_certainty(
            annotation, provenance=run_key(run_of(lineage, "annotate", run_ids))
        ),
        notes=evaluation.annotation.notes,
        provenance=tuple(provenance_of(lineage)),
    )


def add_genes(
    data: ReportData, upstream: Lineage, run_id: str, evaluation: GeneEvaluation
) -> ReportData:
    """Add the scores of genes to a page, with the run that made them.

    Parameters
    ----------
    data
        The page without them.
    upstream
        Upstream lineage of these scores.
    run_id
        The run that scored.
    evaluation
        The scores.

    Raises
    ------
    CatalogError
        The lineage lacks the run.
    """
    lineage = without_twins(upstream, {run_id})
    key = run_key(run_of(lineage, "evaluate-genes", {run_id}))
    made_by = [run for run in provenance_of(lineage) if run.key == key]
    return replace(
        data,
        genes=Genes(evaluation=evaluation, provenance=key),
        provenance=(*data.provenance, *made_by),
    )


def _annotation(evaluation: AnnotationEvaluation, provenance: str) -> Annotation | None:
    if not evaluation.scores:
        return None
    rows = tuple(
        AnnotationRow(
            method=method_title(name),
            score=score,
            implementation=score.implementation,
        )
        for name, score in evaluation.scores.items()
    )
    return Annotation(
        rows=rows,
        split=evaluation.split or "",
        comparisons=evaluation.comparisons,
        provenance=provenance,
    )


def _drawn_cells(view: AtlasView, annotation: ad.AnnData, rows: npt.NDArray[np.intp]) -> DrawnCells:
    obs = view.obs.iloc[rows]
    predicted = annotation.obs[keys.CELL_TYPE_PRED].reindex(obs.index)
    return DrawnCells(
        batch=obs[keys.BATCH].to_numpy(dtype=object),
        label=obs[keys.CELL_TYPE].to_numpy(dtype=object),
        prediction=predicted.to_numpy(dtype=object),
    )


def _model_facts(lineage: Lineage, checkpoint: Checkpoint, run_ids: Collection[str]) -> ModelFacts:
    made_by = {run.stage for run in runs_of(lineage) if run.id in run_ids}
    stage = next(stage for stage in ("fine-tune", "import", "pretrain") if stage in made_by)
    run = run_of(lineage, stage, run_ids)
    (made,) = artifacts_of(lineage, run, "out")
    config = checkpoint.model_config
    heldout = checkpoint.heldout_loss
    facts = [
        Fact("Shape", f"{config.n_layer} layers, {config.d_model} wide, state {config.d_state}"),
        Fact("Fusion of directions", config.fusion),
        Fact("Parameters", f"{made.facets['n_parameters']:,}"),
        Fact("Vocabulary", f"{len(checkpoint.vocabulary.gene_ids):,} genes"),
        *_course(checkpoint, learnt_labels=saw_labels(made.facets)),
        Fact("Genes kept of a cell", f"{checkpoint.seqlen:,}"),
    ]
    if heldout is not None:
        facts.append(Fact("Loss on held-out cells", f"{heldout:.3f} nats a gene"))
    return ModelFacts(
        name=name_of(lineage, made, "model"),
        facts=tuple(facts),
        history=tuple(TrainingPoint(step.step, step.loss) for step in checkpoint.history),
        provenance=run_key(run),
    )


def _course(checkpoint: Checkpoint, *, learnt_labels: bool) -> list[Fact]:
    training = checkpoint.training_config
    if training is None:
        return [
            Fact("Training", "published checkpoint, imported"),
            Fact("Padding", checkpoint.model_config.padding),
        ]
    aims = {
        "masked": f"masked genes, {training.mask_fraction:.0%} hidden; no labels",
        "next_token_causal": "the next gene, in each direction; no labels",
        "next_token_upstream": "the next gene as published, which can be copied; no labels",
    }
    aim = "the labels of cells" if learnt_labels else aims[training.objective]
    return [
        Fact("Objective", aim),
        Fact("Training", f"{training.steps:,} steps of {training.minibatch_size} cells"),
    ]


def _deposits(lineage: Lineage, manifest: AtlasManifest) -> Iterator[DepositRow]:
    """Describe the stores of the version; a model may have been trained on others."""
    makers = {edge.digest: edge.run_id for edge in lineage.edges if edge.direction == "out"}
    runs = {run.id: run for run in runs_of(lineage)}
    for entry in manifest.stores:
        run = runs[makers[entry.digest]]
        (store,) = artifacts_of(lineage, run, "out")
        inputs = artifacts_of(lineage, run, "in")
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
            provenance=run_key(run),
        )


def _left_out_notes(entry: StoreEntry) -> Iterator[str]:
    for part in entry.left_out:
        reason = f"copies of cells of {part.kept_by}" if part.kept_by else "by the quality filter"
        yield f"{part.n_obs:,} cells are left out: {reason}."
