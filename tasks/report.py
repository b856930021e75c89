"""Write the page that a person reads."""

from typing import Final

from prefect import task

from genemamba.atlas.versions.manifests import read_manifest
from genemamba.atlas.versions.view import AtlasView
from genemamba.catalog.values import Edge
from genemamba.evaluation.annotation.term_scores import read_term_scores
from genemamba.evaluation.files import read_evaluation
from genemamba.evaluation.genes.files import read_gene_evaluation
from genemamba.inference.atlas import read_annotation
from genemamba.publishing import readable_folder
from genemamba.report.assembly import add_genes, assemble_report
from genemamba.report.page import render_report
from genemamba.storage import split_url
from genemamba.training.checkpoint import load_checkpoint
from tasks.stages import Produced, StagePlan, StageRef, run_stage
from tasks.workspace import Workspace

MODULES: Final = ("report",)
"""Library modules that decide what a page shows."""


@task(name="write-page")
def write_page(
    workspace: Workspace,
    version: StageRef,
    model: StageRef,
    annotation: StageRef,
    evaluation: StageRef,
    *,
    term_scores: StageRef | None = None,
    genes: StageRef | None = None,
) -> StageRef:
    """Write one self-contained HTML file about an annotated atlas version."""
    placed = [term_scores] if term_scores else []
    plan = StagePlan(
        stage="report",
        kind="report",
        folder="reports",
        suffix=".html",
        inputs=[
            Edge(role="atlas", artifact=version.artifact),
            Edge(role="model", artifact=model.artifact),
            Edge(role="annotation", artifact=annotation.artifact),
            Edge(role="evaluation", artifact=evaluation.artifact),
            *([Edge(role="gene-evaluation", artifact=genes.artifact)] if genes else []),
            *(Edge(role="term-scores", artifact=stage.artifact) for stage in placed),
        ],
        params={},
        modules=MODULES,
    )

    def work(staged: str) -> Produced:
        with workspace.open_catalog() as catalog:
            lineage = catalog.lineage((term_scores or evaluation).artifact.digest)
            gene_lineage = catalog.lineage(genes.artifact.digest) if genes else None
        with readable_folder(model.artifact.uri) as folder:
            checkpoint = load_checkpoint(folder)
        with readable_folder(evaluation.artifact.uri) as folder:
            scores = read_evaluation(folder)
        data = assemble_report(
            lineage,
            {stage.run_id for stage in (version, model, annotation, evaluation, *placed)},
            AtlasView.open(read_manifest(version.artifact.uri)),
            read_annotation(annotation.artifact.uri),
            checkpoint,
            scores,
            read_term_scores(term_scores.artifact.uri) if term_scores else None,
        )
        if genes and gene_lineage:
            with readable_folder(genes.artifact.uri) as folder:
                data = add_genes(data, gene_lineage, genes.run_id, read_gene_evaluation(folder))
        fs, path = split_url(staged)
        fs.pipe_file(path, render_report(data).encode())
        return Produced(media_type="text/html")

    return run_stage(workspace, plan, work)
