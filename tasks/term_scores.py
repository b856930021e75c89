"""Score held-out labels in the Cell Ontology, where a mapping says what they mean."""

from collections.abc import Iterator
from typing import Final

from prefect import task

from genemamba.atlas.versions.manifests import read_manifest
from genemamba.atlas.versions.view import AtlasView
from genemamba.catalog.values import Edge, Metric
from genemamba.evaluation.annotation.protocols import donors_of
from genemamba.evaluation.annotation.split_files import read_split
from genemamba.evaluation.annotation.term_scores import (
    TermScores,
    score_calls,
    write_term_scores,
)
from genemamba.evaluation.files import read_evaluation
from genemamba.publishing import readable_folder
from tasks.ontology import TermChoice
from tasks.policies import EVALUATE_TIMEOUT_S
from tasks.splitting import CellSplit
from tasks.stages import VIEW_MODULES, Produced, StagePlan, StageRef, run_stage
from tasks.workspace import Workspace

MODULES: Final = (
    "evaluation/annotation/hierarchy.py",
    "evaluation/annotation/term_scores.py",
    "ontology",
    *VIEW_MODULES,
)
"""Library modules that decide what a score in the ontology is, beside the labels."""


@task(name="score-terms", timeout_seconds=EVALUATE_TIMEOUT_S)
def score_terms(
    workspace: Workspace,
    version: StageRef,
    model: StageRef,
    evaluation: StageRef,
    terms: TermChoice | None,
    *,
    split: CellSplit | None,
    seed: int,
) -> StageRef | None:
    """Score the labels that an evaluation gave to held-out cells by the terms that they mean.

    Returns None where nobody says what they mean.
    """
    if terms is None:
        return None
    held_out = [Edge(role="split", artifact=split.artifact)] if split else []
    plan = StagePlan(
        stage="score-terms",
        kind="term-scores",
        folder="evaluations",
        suffix=".json",
        inputs=[
            Edge(role="atlas", artifact=version.artifact),
            Edge(role="model", artifact=model.artifact),
            Edge(role="evaluation", artifact=evaluation.artifact),
            *terms.inputs,
            *held_out,
        ],
        params={"donor_key": split.donor_key if split else None},
        modules=MODULES,
        seed=seed,
    )

    def work(staged: str) -> Produced:
        ontology, mapping = terms.open()
        with readable_folder(evaluation.artifact.uri) as folder:
            scored = read_evaluation(folder).annotation
        view = AtlasView.open(read_manifest(version.artifact.uri))
        donor = None
        if split:
            columns = read_split(split.artifact.uri, view.obs, donor_key=split.donor_key).columns
            donor = donors_of(view.obs, columns)
        found = score_calls(scored.calls, mapping.terms, ontology, seed=seed, donor=donor)
        write_term_scores(found, staged)
        return Produced(
            facets={"summary": found.summary()},
            metrics=list(_metrics(found, scored.split_kind, version.label, model.label)),
            media_type="application/json",
        )

    return run_stage(workspace, plan, work)


def _metrics(
    found: TermScores, split_kind: str | None, version: str, model: str
) -> Iterator[Metric]:
    for method, score in found.scores.items():
        for name, value, interval in (
            ("hierarchical_precision", score.precision, None),
            ("hierarchical_recall", score.recall, None),
            ("hierarchical_f1", score.f1, score.f1_interval),
            ("term_accuracy", score.accuracy, score.accuracy_interval),
        ):
            yield Metric(
                name=name,
                subject=method,
                value=value,
                implementation=score.implementation,
                n=score.n,
                slice=f"held-out cells whose label has a term of CL {score.release}",
                split=f"{split_kind}; intervals over {score.interval_over}",
                ci_low=interval.low if interval else None,
                ci_high=interval.high if interval else None,
                dataset_version=version,
                model_version=model,
            )
