"""A page shows what the lineage of an evaluation says, and that alone."""

from pathlib import Path

import numpy as np
import pytest

from genemamba.atlas.versions.manifests import read_manifest
from genemamba.atlas.versions.view import AtlasView
from genemamba.errors import CatalogError
from genemamba.evaluation.annotation.evaluation import AnnotationEvaluation
from genemamba.evaluation.annotation.scores import score_annotation
from genemamba.evaluation.atlas import AtlasEvaluation
from genemamba.evaluation.baselines.names import MAJORITY
from genemamba.evaluation.integration.scores import IntegrationScores
from genemamba.inference.atlas import read_annotation
from genemamba.keys import X_PCA
from genemamba.report.assembly import assemble_report
from genemamba.storage import tree_manifest
from genemamba.training.checkpoint import load_checkpoint
from genemamba.training.published.importing import ImportOptions
from tasks.annotation import annotate_version
from tasks.embedding import embed_version
from tasks.published import import_model
from tasks.stages import run_stage
from tests.published_files import published_tensors, write_published
from tests.small_atlas import gene_ids
from tests.small_home import plan_scores, small_home, write_scores


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return small_home(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def assemble(small):
    """Assemble the page of the small home's evaluation, or of another artifact's lineage."""
    view = AtlasView.open(read_manifest(small.version.artifact.uri))
    labels = view.obs["cell_type"].to_numpy(dtype=str)
    evaluation = AtlasEvaluation(
        integration=IntegrationScores(scores=(), notes=("One batch.",)),
        annotation=AnnotationEvaluation(
            scores={MAJORITY: score_annotation(labels, labels, seed=0, n_resamples=5)},
            split_kind="held-out cells",
            split="held-out cells: 60 cells",
            notes=("A note.",),
        ),
        drawn_rows=np.array([5, 7]),
        umap={X_PCA: np.zeros((2, 2), np.float32)},
    )

    def assemble_of(stage, home=small):
        with small.workspace.open_catalog() as catalog:
            lineage = catalog.lineage(stage.artifact.digest)
        runs = (home.version, home.model, home.annotation, home.scores)
        return assemble_report(
            lineage,
            {run.run_id for run in runs},
            view,
            read_annotation(home.annotation.artifact.uri),
            load_checkpoint(Path(home.model.artifact.uri)),
            evaluation,
        )

    return assemble_of


def test_a_page_names_the_version_the_model_and_the_deposit(assemble, small):
    data = assemble(small.scores)

    assert (data.atlas, data.version, data.n_obs, data.n_vars) == ("small", "1", 60, 60)
    assert data.model.name == "small-tiny@1"
    assert [point.step for point in data.model.history] == [1, 2, 3]
    (deposit,) = data.deposits
    assert (deposit.name, deposit.n_obs, deposit.n_batches, deposit.n_labelled) == (
        *("study", 60),
        *(2, 60),
    )
    assert deposit.digest == tree_manifest(str(small.deposit)).digest
    found = small.outcome.report["findings"]
    assert deposit.notes == tuple(finding["message"] for finding in found)


def test_a_page_shows_every_run_behind_the_evaluation_with_what_it_read(assemble, small):
    data = assemble(small.scores)

    runs = {provenance.run_id: provenance for provenance in data.provenance}
    made = (small.outcome.stage, small.version, small.model, small.embedding)
    assert set(runs) == {
        stage.run_id for stage in (small.reference, *made, small.annotation, small.scores)
    }
    ingested = {made_from.digest for made_from in runs[small.outcome.stage.run_id].inputs}
    assert ingested == {
        tree_manifest(str(small.deposit)).digest,
        small.reference.artifact.digest,
    }
    read = [made_from.digest for made_from in runs[small.annotation.run_id].inputs]
    sources = (small.version, small.model, small.embedding)
    assert sorted(read) == sorted(stage.artifact.digest for stage in sources)
    assert runs[small.version.run_id].title == "Composition of the atlas version: small@1"


def test_drawn_cells_have_their_own_label_and_prediction(assemble, small):
    annotation = read_annotation(small.annotation.artifact.uri).obs.iloc[[5, 7]]

    cells = assemble(small.scores).cells

    assert cells.label.tolist() == annotation["cell_type"].tolist()
    assert cells.batch.tolist() == annotation["batch"].tolist()
    assert cells.prediction.tolist() == annotation["cell_type_pred"].tolist()


def test_certainty_is_the_annotations_own(assemble, small):
    about = small.annotation.artifact.facets["labelling"]
    reasons = read_annotation(small.annotation.artifact.uri).obs["cell_type_pred_reason"]

    certainty = assemble(small.scores).certainty

    facts = {fact.name: fact.value for fact in certainty.facts}
    assert facts["Head"] == "linear probe"
    assert facts["Temperature"] == f"{about['temperature']:.2f}"
    assert facts["Confidence asked for"] == "0.50"
    assert certainty.target is None
    assert certainty.point == (about["coverage_judged"], about["error_judged"])
    assert certainty.coverage[-1] == 1.0
    assert certainty.risk[-1] == pytest.approx(1 - about["accuracy_judged"])
    assert certainty.judged == "60 labelled cells, by heads that had not seen their batch"
    assert dict(certainty.reasons) == reasons.value_counts().to_dict()
    assert certainty.provenance == f"annotate-{small.annotation.run_id[:8]}"


def test_scores_come_with_the_methods_title_and_the_run_that_made_them(assemble, small):
    data = assemble(small.scores)

    assert [row.method for row in data.annotation.rows] == ["Majority vote"]
    assert data.annotation.provenance == f"evaluate-{small.scores.run_id[:8]}"
    assert (data.integration.notes, data.notes) == (("One batch.",), ("A note.",))


def test_a_page_says_that_a_model_was_imported(assemble, small, tmp_path):
    folder = write_published(
        tmp_path / "gm", published_tensors(n_tokens=62), genes=sorted(gene_ids())
    )
    model = import_model(small.workspace, folder, ImportOptions(seqlen=64), name="gm")
    embedded = embed_version.fn(small.workspace, small.version, model, device="cpu")
    annotation = annotate_version.fn(
        small.workspace, small.version, model, embedded, threshold=0.5, seed=0
    )
    scores = run_stage(small.workspace, plan_scores(small.version, annotation), write_scores)

    data = assemble(scores, small._replace(model=model, annotation=annotation, scores=scores))

    assert data.model.name == "gm@1"
    assert data.model.history == ()
    facts = {fact.name: fact.value for fact in data.model.facts}
    assert (facts["Training"], facts["Padding"]) == ("published checkpoint, imported", "upstream")
    assert facts["Genes kept of a cell"] == "64"
    runs = {provenance.run_id: provenance for provenance in data.provenance}
    assert runs[model.run_id].title == "Import of a published model: gm@1"
    assert tree_manifest(str(folder / "model.safetensors")).digest in {
        made_from.digest for made_from in runs[model.run_id].inputs
    }


def test_a_lineage_without_an_evaluation_is_refused(assemble, small):
    with pytest.raises(CatalogError, match=r"one run of stage 'evaluate' behind .*, found 0"):
        assemble(small.annotation)
