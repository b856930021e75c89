"""Learning rate and weight decay."""

import math

import pytest
import torch

from genemamba.nn.model import build_model
from genemamba.training.config import TrainingConfig
from genemamba.training.optimizer import learning_rate, make_optimizer
from genemamba.training.presets import load_preset

CONFIG = TrainingConfig(seqlen=64, minibatch_size=4, steps=110, lr=2e-3, warmup_steps=10)


def test_learning_rate_rises_linearly_then_falls_as_a_cosine():
    rates = [learning_rate(step, CONFIG) for step in range(1, 111)]

    assert rates[:10] == pytest.approx([2e-4 * i for i in range(1, 11)])
    assert rates[10:] == pytest.approx(
        [1e-3 * (1 + math.cos(math.pi * i / 101)) for i in range(1, 101)]
    )
    assert min(rates) > 0


def test_without_warm_up_the_first_rate_is_below_the_highest():
    config = TrainingConfig(seqlen=64, minibatch_size=4, steps=1, lr=2e-3, warmup_steps=0)

    assert learning_rate(1, config) == pytest.approx(1e-3)


def test_vectors_are_not_decayed():
    model = build_model(
        load_preset("tiny", vocab_size=20).model, seed=0, device=torch.device("cpu")
    )

    matrices, vectors = make_optimizer(model, CONFIG).param_groups

    names = {id(weight): name for name, weight in model.named_parameters()}
    assert (matrices["weight_decay"], vectors["weight_decay"]) == (0.01, 0.0)
    assert {names[id(w)].rsplit(".", 1)[-1] for w in vectors["params"]} == {
        "dt_bias", "A_log", "D", "weight", "bias",
    }  # fmt: skip
    assert all(w.dim() == 1 for w in vectors["params"])
    assert len(matrices["params"]) + len(vectors["params"]) == len(names)
