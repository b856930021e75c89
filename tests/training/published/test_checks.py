"""Layers that were never trained, or that join nothing, are found."""

import pytest
import torch

from genemamba.nn.config import ModelConfig
from genemamba.nn.model import build_model
from genemamba.training.published.checks import check_training, layer_ranges
from tests.published_files import published_tensors, write_published

LAYER = "mamba_mixer.layers.{}.mamba.{}"


def fresh_model(n_layer=4):
    config = ModelConfig(vocab_size=22, d_model=64, n_layer=n_layer)
    return build_model(config, seed=0, device=torch.device("cpu"))


def by_rule(findings):
    return {finding.rule: finding for finding in findings}


def move(model, layers, *, by):
    """Move every weight of some layers as a training would."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for layer in layers:
            for weight in model.mamba_mixer.layers[layer].parameters():
                weight.add_(by * torch.randn(weight.shape, generator=generator))
    return model


def test_layers_of_a_trained_checkpoint_raise_no_finding(read, tmp_path):
    model = read(write_published(tmp_path / "gm", published_tensors(n_layer=4))).checkpoint.model

    assert check_training(model) == []


def test_fresh_layers_are_found_as_drawn():
    (finding,) = check_training(fresh_model())

    assert (finding.rule, finding.severity, finding.count) == ("layers-untrained", "warning", 4)
    assert finding.examples == ("0-3",)
    assert finding.message.startswith("The weights of layers 0-3 are exactly as they are drawn: D ")
    assert "decays and steps of 4 lie in their initial ranges" in finding.message


def test_ranges_of_untrained_layers_are_named_beside_trained_ones():
    (finding,) = check_training(move(fresh_model(n_layer=7), [2, 4], by=0.05))

    assert finding.examples == ("0-1", "3", "5-6")


def test_weights_that_moved_by_a_few_steps_are_found_as_near():
    found = check_training(move(fresh_model(), range(4), by=5e-5))

    (finding,) = found
    assert "within 0.001 of how they are drawn" in finding.message


def test_weight_decay_without_a_gradient_does_not_hide_an_untrained_layer():
    model = fresh_model()
    with torch.no_grad():
        for layer in model.mamba_mixer.layers:
            layer.mamba.D.mul_(0.98)
            layer.mamba.norm.weight.mul_(0.98)

    assert by_rule(check_training(model))["layers-untrained"].count == 4


@pytest.mark.parametrize(
    "dead",
    [
        pytest.param({"out_proj.weight": 0.0}, id="no-output"),
        pytest.param({"conv1d.weight": 0.0, "conv1d.bias": 0.0}, id="no-input-to-the-scan"),
    ],
)
def test_layer_that_joins_no_tokens_is_found_by_changing_one(dead, read, tmp_path):
    tensors = published_tensors(n_layer=4)
    for name, value in dead.items():
        tensors[LAYER.format(2, name)] = torch.full_like(tensors[LAYER.format(2, name)], value)

    (finding,) = check_training(read(write_published(tmp_path / "gm", tensors)).checkpoint.model)

    assert (finding.rule, finding.examples) == ("layers-join-nothing", ("2",))
    assert finding.message == "A changed token moves no other one in layer 2."


def test_findings_of_layers_reach_the_verdict(read, tmp_path):
    tensors = published_tensors(n_layer=2)
    for layer in range(2):
        for name in ("D", "norm.weight"):
            key = LAYER.format(layer, name)
            tensors[key] = torch.ones_like(tensors[key])

    imported = read(write_published(tmp_path / "gm", tensors))

    assert by_rule(imported.findings)["layers-untrained"].examples == ("0-1",)


@pytest.mark.parametrize(
    ("layers", "expected"),
    [([], []), ([3], ["3"]), ([0, 1, 2], ["0-2"]), ([0, 2, 3, 9], ["0", "2-3", "9"])],
    ids=["none", "one", "run", "gaps"],
)
def test_layers_are_written_as_ranges(layers, expected):
    assert layer_ranges(layers) == expected
