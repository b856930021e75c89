"""Labels of held-out cells are scored as terms, from the evaluation on record."""

from pathlib import Path

import numpy as np
import pytest

from genemamba.catalog.values import Edge
from genemamba.evaluation.annotation.evaluation import AnnotationEvaluation
from genemamba.evaluation.annotation.term_scores import read_term_scores, score_calls
from genemamba.evaluation.annotation.transfer import HeldOutLabels
from genemamba.evaluation.atlas import AtlasEvaluation
from genemamba.evaluation.files import SCORES_FILE, write_evaluation
from genemamba.evaluation.integration.scores import IntegrationScores
from genemamba.ontology.mapping_file import propose_mapping, write_label_mapping
from genemamba.ontology.tables import load_ontology
from genemamba.publishing import writable_folder
from tasks.ontology import choose_terms
from tasks.results import AtlasResult
from tasks.splitting import split_version
from tasks.stages import Produced, StagePlan, run_stage
from tasks.term_scores import score_terms
from tasks.workspace import Workspace
from tests.small_atlas import TYPES
from tests.small_version import small_version


def held_out(predicted):
    truth = np.array([*TYPES, *TYPES] * 5, dtype=object)
    predicted = np.array(predicted, dtype=object)
    rows = np.arange(30)
    return HeldOutLabels(rows, np.zeros(30, dtype=int), truth, predicted, np.ones(30))


CALLS = {
    "genemamba": held_out([*TYPES, "B cell", "B cell", "unknown"] * 5),
    "majority_vote": held_out(["B cell"] * 30),
}


class Made:
    """A small version with an evaluation of made-up labels."""

    def __init__(self, folder):
        home = folder / "home"
        self.workspace = Workspace(home=str(home), catalog_url=f"sqlite:///{home}/catalog.db")
        self.version = small_version(self.workspace, folder)
        self.split = split_version.fn(
            self.workspace, self.version, hold_out="batch", donor_key=None, study_key=None, seed=0
        )
        self.model = run_stage(self.workspace, self.plan("pretrain", "checkpoint"), write_model)
        plan = self.plan("evaluate", "evaluation", commit_mark=SCORES_FILE)
        self.evaluation = run_stage(self.workspace, plan, write_scores)
        counts = dict.fromkeys(TYPES, 20)
        write_label_mapping(propose_mapping(counts, load_ontology()), folder / "labels.tsv")
        self.terms = choose_terms(self.workspace, self.version, str(folder / "labels.tsv"), None)

    def plan(self, stage, kind, **options):
        inputs = [Edge(role="atlas", artifact=self.version.artifact)]
        return StagePlan(
            stage=stage, kind=kind, folder=stage, suffix="", inputs=inputs, params={},
            modules=["keys.py"], **options,
        )  # fmt: skip

    def score(self):
        return score_terms.fn(
            self.workspace,
            self.version,
            self.model,
            self.evaluation,
            self.terms,
            split=self.split,
            seed=0,
        )


def write_model(staged):
    """Its digest and name are all that is looked at."""
    Path(staged).write_text("weights")
    return Produced(model_name="small-tiny")


def write_scores(staged):
    evaluation = AtlasEvaluation(
        integration=IntegrationScores(scores=(), notes=()),
        annotation=AnnotationEvaluation(split_kind="held-out batch", split="two", calls=CALLS),
        drawn_rows=np.arange(2),
        umap={},
    )
    with writable_folder(staged) as folder:
        write_evaluation(evaluation, folder)
    return Produced(facets={"summary": {}})


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return Made(tmp_path_factory.mktemp("term-scores"))


@pytest.fixture(scope="module")
def expected(made):
    _, mapping = made.terms.open()
    return score_calls(CALLS, mapping.terms, load_ontology(), seed=0)


def test_scores_are_those_of_the_labels_on_record_and_done_once(made, expected):
    first, again = made.score(), made.score()

    assert read_term_scores(first.artifact.uri) == expected
    assert first.artifact.facets["summary"] == expected.summary()
    assert (first.stage, first.artifact.kind, again.reused) == ("score-terms", "term-scores", True)


def test_the_release_the_file_and_the_split_are_its_inputs(made):
    done = made.score()

    with made.workspace.open_catalog() as catalog:
        roles = {edge.role: edge.artifact.digest for edge in catalog.run(done.run_id).inputs}
    assert set(roles) == {"atlas", "model", "evaluation", "ontology", "label-mapping", "split"}
    assert roles["ontology"] == made.terms.release.artifact.digest


def test_every_number_enters_the_history_with_release_split_and_interval(made, expected):
    made.score()

    with made.workspace.open_catalog() as catalog:
        metrics = {(one.name, one.subject): one for one in catalog.history("small")}
    ours = expected.scores["genemamba"]
    found = metrics["hierarchical_f1", "genemamba"]
    assert (found.value, found.n, found.ci_low, found.ci_high) == (ours.f1, 30, *ours.f1_interval)
    assert found.split == "held-out batch; intervals over cells"
    assert found.slice == "held-out cells whose label has a term of CL v2026-03-26"
    assert metrics["term_accuracy", "majority_vote"].value == pytest.approx(1 / 3)
    assert len(metrics) == 8


def test_scores_are_told_beside_the_others(made, expected):
    result = AtlasResult.gather(atlas="small", term_scores=made.score())

    assert result.to_document()["ontology"] == expected.summary()


def test_without_a_mapping_nothing_is_scored(made):
    assert (
        score_terms.fn(
            made.workspace, made.version, made.model, made.evaluation, None, split=None, seed=0
        )
        is None
    )
