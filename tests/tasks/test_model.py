"""A trained model enters the record with how well and how fast it was trained."""

import math

import pytest

from genemamba.training.checkpoint import load_checkpoint
from tests.small_home import small_home


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return small_home(tmp_path_factory.mktemp("home"))


def test_the_metrics_of_a_training_are_in_the_history_of_its_atlas(home):
    checkpoint = load_checkpoint(home.workspace.cache() / home.model.artifact.uri)
    with home.workspace.open_catalog() as catalog:
        metrics = {
            metric.name: metric
            for metric in catalog.history("small")
            if metric.subject == "small-tiny"
        }

    found = {name: metric.value for name, metric in metrics.items()}
    assert found["training_loss"] == checkpoint.history[-1].loss
    assert found["validation_loss"] == checkpoint.heldout_loss
    assert found["validation_perplexity"] == pytest.approx(math.exp(checkpoint.heldout_loss))
    assert found["tokens_per_s"] > 0
    assert 0 < found["utilisation"] <= 1
    assert len(found) == 5


def test_training_and_embedding_read_the_same_cached_tokens(home):
    stores = list(home.workspace.cache("cache", "tokens").glob("*/token_store.json"))

    assert len(stores) == 1
