"""Write the page that a person reads."""

from typing import Final

from prefect import task

from genemamba.atlas.versions.manifests import read_manifest
from genemamba.atlas.versions.view import AtlasView
from genemamba.catalog.values import Edge
from genemamba.evaluation.files import read_evaluation
from genemamba.inference.atlas import read_annotation
from genemamba.publishing import readable_folder
from genemamba.report.assembly import assemble_report
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
) -> StageRef:
    """Write one self-contained HTML file about an annotated atlas version."""
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
        ],
        params={},
        modules=MODULES,
    )

    def work(staged: str) -> Produced:
        with workspace.open_catalog() as catalog:
            lineage = catalog.lineage(evaluation.artifact.digest)
        with readable_folder(model.artifact.uri) as folder:
            checkpoint = load_checkpoint(folder)
        with readable_folder(evaluation.artifact.uri) as folder:
            scores = read_evaluation(folder)
        data = assemble_report(
            lineage,
            {stage.run_id for stage in (version, model, annotation, evaluation)},
            AtlasView.open(read_manifest(version.artifact.uri)),
            read_annotation(annotation.artifact.uri),
            checkpoint,
            scores,
        )
        fs, path = split_url(staged)
        fs.pipe_file(path, render_report(data).encode())
        return Produced(media_type="text/html")

    return run_stage(workspace, plan, work)
