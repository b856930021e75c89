"""Impossible courses of training cannot be made, and presets are possible ones."""

import pytest

from genemamba.errors import ModelError
from genemamba.training.config import TrainingConfig
from genemamba.training.presets import PRESETS, adapt_preset, load_preset

VALUES = {"seqlen": 64, "minibatch_size": 4, "steps": 10, "lr": 1e-3, "warmup_steps": 2}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"steps": 0}, r"steps=0 \(1 or more\)"),
        ({"warmup_steps": -1}, r"warmup_steps=-1 \(0 or more\)"),
        ({"lr": float("nan")}, r"lr=nan \(above 0\)"),
        ({"mask_fraction": 1.0}, r"mask_fraction=1.0 \(0 or more, below 1\)"),
        ({"patience": 0}, r"patience=0 \(1 or more, or None\)"),
        ({"precision": "fp16"}, r"precision=fp16 \(fp32 or bf16\)"),
        ({"seqlen": 0, "grad_clip": 0.0}, r"seqlen=0 .*; grad_clip=0.0"),
    ],
    ids=["steps", "warmup", "nan", "mask", "patience", "precision", "all-at-once"],
)
def test_impossible_value_is_refused_by_name(values, message):
    with pytest.raises(ModelError, match=message):
        TrainingConfig(**(VALUES | values))


def test_dict_gives_the_same_configuration_back():
    config = TrainingConfig(**VALUES, seed=5)

    assert TrainingConfig.from_dict(config.to_dict()) == config


def test_dict_of_an_older_version_gets_the_defaults_of_newer_fields():
    older = {**VALUES, "weight_decay": 0.02, "seed": 3}

    assert TrainingConfig.from_dict(older) == TrainingConfig(**VALUES, weight_decay=0.02, seed=3)


def test_dict_without_a_needed_field_is_refused():
    with pytest.raises(ModelError, match=r"found \['lr'\] unknown or missing"):
        TrainingConfig.from_dict({key: value for key, value in VALUES.items() if key != "lr"})


def test_foreign_dict_is_refused():
    with pytest.raises(ModelError, match=r"found \['epochs'\] unknown or missing"):
        TrainingConfig.from_dict(TrainingConfig(**VALUES).to_dict() | {"epochs": 3})


@pytest.mark.parametrize("name", PRESETS)
def test_preset_takes_the_vocabulary_it_is_given(name):
    assert load_preset(name, vocab_size=321).model.vocab_size == 321


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_what_the_default_objective_trains(name):
    preset = load_preset(name, vocab_size=321)

    assert adapt_preset(preset, objective="masked", value_tokens=False) == preset


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"gene_set_weight": -0.1}, r"gene_set_weight=-0.1 \(0 or more\)"),
        ({"gene_set_temperature": 0.0}, r"gene_set_temperature=0.0 \(above 0\)"),
        ({"gene_set_genes": 1}, r"gene_set_genes=1 \(2 or more\)"),
    ],
    ids=["weight", "temperature", "genes"],
)
def test_impossible_gene_set_aim_is_refused(values, message):
    with pytest.raises(ModelError, match=message):
        TrainingConfig(**(VALUES | values))


def test_base_is_the_published_model():
    model = load_preset("base", vocab_size=25_426).model

    assert (model.n_layer, model.d_model, model.d_state, model.headdim) == (24, 512, 64, 64)
    assert (model.fusion, model.pre_norm, model.tie_embeddings) == ("mean", False, False)
