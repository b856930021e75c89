"""A home with a small atlas, made by the tasks themselves, without an orchestrator."""

from pathlib import Path
from typing import NamedTuple

from genemamba.catalog.values import Edge, Metric
from tasks.annotation import annotate_version
from tasks.atlas import compose_version
from tasks.deposits import describe_deposits
from tasks.embedding import embed_version
from tasks.ingest import ingest_source
from tasks.model import train_model
from tasks.outcomes import IngestOutcome, keep_accepted
from tasks.reference import open_reference, record_reference
from tasks.settings import DepositSettings
from tasks.stages import Produced, StagePlan, StageRef, run_stage
from tasks.workspace import Workspace
from tests.small_atlas import small_adata


class SmallHome(NamedTuple):
    """A home and what was done in it."""

    workspace: Workspace
    deposit: Path
    outcome: IngestOutcome
    reference: StageRef
    version: StageRef
    model: StageRef
    embedding: StageRef
    annotation: StageRef
    scores: StageRef


def small_home(folder: Path) -> SmallHome:
    """Ingest, train for three steps, annotate, and record two numbers."""
    home, deposit = folder / "home", folder / "study.h5ad"
    workspace = Workspace(home=str(home), catalog_url=f"sqlite:///{home}/catalog.db")
    small_adata(n_obs=60).write_h5ad(deposit)
    settings = DepositSettings(batch_key="batch", label_key="cell_type")
    (spec,) = describe_deposits([str(deposit)], settings)
    outcome = ingest_source.fn(workspace, "small", spec, settings)
    reference = record_reference(workspace, open_reference(None))
    version = compose_version.fn(workspace, "small", keep_accepted([outcome]))
    model = train_model.fn(workspace, version, preset="tiny", steps=3, seed=0, device="cpu")
    embedding = embed_version.fn(workspace, version, model, device="cpu")
    annotation = annotate_version.fn(workspace, version, model, embedding, threshold=0.5, seed=0)
    scores = run_stage(workspace, plan_scores(version, annotation), write_scores)
    return SmallHome(
        workspace, deposit, outcome, reference, version, model, embedding, annotation, scores
    )


def plan_scores(version: StageRef, annotation: StageRef) -> StagePlan:
    return StagePlan(
        stage="evaluate",
        kind="evaluation",
        folder="evaluations",
        suffix=".txt",
        inputs=[
            Edge(role="atlas", artifact=version.artifact),
            Edge(role="annotation", artifact=annotation.artifact),
        ],
        params={},
        modules=["keys.py"],
    )


def write_scores(staged: str) -> Produced:
    """Number one has an interval, number two is none."""
    Path(staged).write_text("0.75, nan\n")
    about = {"dataset_version": "small@1", "model_version": "small-tiny@1", "n": 60}
    source = {"implementation": "scikit-learn@1", "subject": "genemamba"}
    accuracy = Metric(name="accuracy", value=0.75, ci_low=0.5, ci_high=0.875, **source, **about)
    other = Metric(name="macro_f1", value=float("nan"), **source, **about)
    return Produced(metrics=[accuracy, other])
