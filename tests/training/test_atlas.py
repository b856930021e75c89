"""Pretraining on an atlas sees every cell and no label."""

import dataclasses

import pytest
import torch

from genemamba.training.atlas import pretrain_on_atlas
from genemamba.training.presets import load_preset
from tests.small_atlas import small_adata, small_view


@pytest.fixture(scope="module")
def view(tmp_path_factory):
    return small_view(tmp_path_factory.mktemp("atlas"), one=small_adata(n_obs=40))


def train(view, *, steps=2, seed=0):
    return pretrain_on_atlas(
        view, preset="tiny", steps=steps, seed=seed, device=torch.device("cpu")
    )


def weights(result):
    return {name: weight.tolist() for name, weight in result.model.state_dict().items()}


def test_steps_and_seed_take_the_presets_place_and_the_rest_stays(view):
    result = train(view, steps=2, seed=5)

    preset = load_preset("tiny", vocab_size=result.vocabulary.size)
    assert result.training_config == dataclasses.replace(preset.training, steps=2, seed=5)
    assert result.model.config == preset.model
    assert len(result.history) == 2


def test_the_vocabulary_is_of_the_atlas_expressed_genes(view):
    counts = view.counts()

    assert sorted(train(view).vocabulary.gene_ids) == [
        gene for gene, total in zip(view.gene_ids, counts.sum(axis=0).A1, strict=True) if total > 0
    ]


def test_labels_and_batches_do_not_reach_the_model(view):
    blind = dataclasses.replace(view, obs=view.obs.assign(cell_type="x", batch="y"))

    assert weights(train(blind)) == weights(train(view))


def test_another_seed_gives_another_model(view):
    assert weights(train(view, seed=1)) != weights(train(view))
