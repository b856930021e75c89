"""Write the card of a model version, as the catalog knows it now."""

from pathlib import Path
from typing import Final

from prefect import task

from genemamba.catalog.catalog import Catalog
from genemamba.catalog.records import ModelVersion
from genemamba.catalog.values import Edge
from genemamba.provenance import sha256_text
from genemamba.publishing import writable_folder
from genemamba.report.model_card import gather_model_card
from genemamba.report.model_card_page import HTML_FILE, render_markdown, write_model_card
from tasks.stages import Produced, StagePlan, StageRef, run_stage
from tasks.workspace import Workspace

MODULES: Final = ("report", "training/checkpoint_record.py", "training/supervision.py")
"""Library modules that decide what a card shows."""


@task(name="write-model-card")
def write_card(workspace: Workspace, model: StageRef) -> StageRef:
    """Write the card of a model version; one that says the same is found, not written again.

    A card is a view of the record at a time, so it never changes: what is recorded later gives
    another card. Its inputs are the checkpoint and the evaluations that it shows.
    """
    return write_card_now(workspace, model)


def write_card_now(workspace: Workspace, model: StageRef) -> StageRef:
    """Do the same outside a flow."""
    with workspace.open_catalog() as catalog:
        card = gather_model_card(catalog, model.label)
        evaluations = _evaluations(catalog, catalog.model(model.label))
    plan = StagePlan(
        stage="model-card",
        kind="model-card",
        folder="model-cards",
        suffix="",
        inputs=[Edge(role="model", artifact=model.artifact), *evaluations],
        params={"model": card.ref, "says": sha256_text(render_markdown(card))},
        modules=MODULES,
        commit_mark=HTML_FILE,
    )

    def work(staged: str) -> Produced:
        with writable_folder(staged) as folder:
            write_model_card(card, Path(folder))
        return Produced(facets={"model": card.ref, "as_of": card.as_of.isoformat()})

    return run_stage(workspace, plan, work)


def _evaluations(catalog: Catalog, version: ModelVersion) -> list[Edge]:
    """Return what the runs made whose numbers stand for the model, each once."""
    runs = dict.fromkeys(metric.run_id for metric in catalog.model_metrics(version.ref))
    outputs = [edge.artifact.to_info() for run in runs for edge in catalog.run(run).outputs]
    return [
        Edge(role="evaluation", artifact=artifact)
        for artifact in {artifact.digest: artifact for artifact in outputs}.values()
    ]
