"""Fine-tuning makes a model version that embeds like any other and says that it saw labels."""

import numpy as np
import pytest

from genemamba.annotation.head import softmax
from genemamba.annotation.probe_files import load_probe
from genemamba.atlas.versions.manifests import read_manifest
from genemamba.atlas.versions.view import AtlasView
from genemamba.errors import ModelError
from genemamba.inference.atlas import read_annotation
from genemamba.training.checkpoint import load_checkpoint
from genemamba.training.fine_tuning.validation_cells import load_validation_cells
from genemamba.training.supervision import saw_labels
from tasks.annotation import annotate_version
from tasks.embedding import embed_version
from tasks.fine_tuning import fine_tune_model, model_of_head
from tasks.model import find_model
from tests.small_home import SmallHome, small_home


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> SmallHome:
    return small_home(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def tuned(home):
    return tune(home)


def tune(home: SmallHome):
    return fine_tune_model.fn(
        home.workspace, home.version, home.model, seed=0, device="cpu", steps=2
    )


def test_the_version_is_recorded_with_its_base_and_labels(home, tuned):
    with home.workspace.open_catalog() as catalog:
        run = catalog.run(tuned.run_id)

    inputs = {edge.role: edge.artifact.digest for edge in run.inputs}
    facets = tuned.artifact.facets
    assert tuned.label == "small-tiny-fine-tuned@1"
    assert inputs == {"atlas": home.version.artifact.digest, "model": home.model.artifact.digest}
    assert (facets["base"], facets["labels_of"]) == ("small-tiny@1", "small@1")
    assert facets["steps"] == 2
    assert saw_labels(facets)
    assert not saw_labels(home.model.artifact.facets)


def test_model_head_and_validation_cells_lie_in_one_folder(home, tuned):
    folder = home.workspace.cache() / tuned.artifact.uri
    base = load_checkpoint(home.workspace.cache() / home.model.artifact.uri)
    view = AtlasView.open(read_manifest(home.version.artifact.uri))

    checkpoint, probe = load_checkpoint(folder), load_probe(folder)

    assert checkpoint.model_config == base.model_config
    assert checkpoint.vocabulary.digest == base.vocabulary.digest
    assert list(probe.classes) == tuned.artifact.facets["classes"]
    assert probe.weights.shape == (len(probe.classes), checkpoint.model_config.d_model)
    assert set(load_validation_cells(folder)) <= set(view.obs.index)
    assert len(load_validation_cells(folder)) == tuned.artifact.facets["n_validation"]


def test_the_metrics_of_the_training_are_in_the_history(home, tuned):
    with home.workspace.open_catalog() as catalog:
        found = {
            m.name: m for m in catalog.history("small") if m.subject == "small-tiny-fine-tuned"
        }

    assert found["training_loss"].value == tuned.artifact.facets["final_loss"]
    assert found["training_loss"].n == tuned.artifact.facets["n_train"]
    assert found["tokens_per_s"].value > 0


def test_the_same_fine_tuning_is_found_again(home, tuned):
    again = tune(home)

    assert (again.reused, again.artifact.digest) == (True, tuned.artifact.digest)


def test_a_model_that_saw_labels_is_used_by_name_alone(home, tuned):
    assert find_model(home.workspace, None, trained_on=home.version).label == "small-tiny@1"
    assert find_model(home.workspace, tuned.label).artifact.digest == tuned.artifact.digest


def test_its_own_head_labels_the_cells_of_its_embedding(home, tuned):
    embedding = embed_version.fn(home.workspace, home.version, tuned, device="cpu")
    annotation = annotate_version.fn(
        home.workspace, home.version, tuned, embedding, head="fine-tune", seed=0
    )
    adata = read_annotation(str(home.workspace.cache() / annotation.artifact.uri))
    facts = annotation.artifact.facets["labelling"]
    probe = load_probe(home.workspace.cache() / tuned.artifact.uri)

    expected = softmax(probe.logits(adata.obsm["X_genemamba"]) / facts["temperature"])

    found = adata.obsm["cell_type_probabilities"]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert facts["head"] == "fine-tune"
    assert facts["n_judged"] == tuned.artifact.facets["n_validation"]


def test_a_model_that_was_not_fine_tuned_has_no_head_of_its_own(home):
    with pytest.raises(ModelError, match="was not fine-tuned on labels"):
        annotate_version.fn(
            home.workspace, home.version, home.model, home.embedding, head="fine-tune", seed=0
        )


def test_only_the_head_that_asks_for_it_fine_tunes(home, tuned):
    def chosen(model, head):
        found = model_of_head(home.workspace, home.version, model, head, seed=0, device="cpu")
        return found.label

    assert chosen(home.model, "probe") == "small-tiny@1"
    assert chosen(tuned, "fine-tune") == tuned.label
