"""The released size: 24 layers 512 wide, with every published name and token."""

import pytest
import safetensors.torch
import torch

from genemamba.nn.config import ModelConfig
from genemamba.training.published.exporting import export_published
from genemamba.training.published.shapes import published_total
from tests.published_files import huggingface_names, published_tensors, write_published

N_TOKENS = 25_426


def same_bits(one, other):
    return torch.equal(one.view(torch.int32), other.view(torch.int32))


def test_full_size_comes_back_bit_for_bit_in_both_spellings(read, tmp_path):
    tensors = published_tensors(n_layer=24, d_model=512, n_tokens=N_TOKENS)
    folder = write_published(tmp_path / "gm", tensors)

    imported = read(folder)
    export_published(imported.checkpoint, tmp_path / "out")
    export_published(imported.checkpoint, tmp_path / "hf", format="huggingface")

    assert len(tensors) == 196
    assert imported.facts["n_parameters"] == 65_744_338
    assert imported.facts["total_verified"] is True
    assert [finding.rule for finding in imported.findings] == [
        "padding-upstream",
        "vocabulary-unknown",
    ]
    for place, names in (("out", tensors), ("hf", huggingface_names(tensors))):
        found = safetensors.torch.load_file(tmp_path / place / "model.safetensors")
        assert found.keys() == names.keys()
        assert all(same_bits(found[name], tensor) for name, tensor in names.items())


@pytest.mark.parametrize(
    ("n_layer", "d_model", "linear", "learnt"),
    [
        (24, 512, 65_744_338, 66_269_138),
        (24, 768, 127_055_122, 128_235_538),
        (48, 512, 105_426_514, 105_951_314),
        (48, 768, 215_029_714, 216_210_130),
    ],
)
def test_published_totals_are_those_of_the_published_shapes(n_layer, d_model, linear, learnt):
    def total(fusion, n_tokens):
        shape = {"n_layer": n_layer, "d_model": d_model}
        return published_total(ModelConfig(vocab_size=n_tokens, fusion=fusion, **shape))

    # By hand from the table of names: two tables and a bias, the last norm, and eight a layer.
    d_inner, nheads = 2 * d_model, 2 * d_model // 64
    layer = (
        (2 * d_inner + 128 + nheads) * d_model
        + 5 * (d_inner + 128) + 3 * nheads + d_inner + d_inner * d_model
    )  # fmt: skip
    by_hand = N_TOKENS * (2 * d_model + 1) + d_model + n_layer * layer
    assert total("mean", N_TOKENS) == total("sum", N_TOKENS) == linear == by_hand
    assert total("gate", N_TOKENS) == learnt == by_hand + 2 * d_model**2 + d_model
    assert total("concat", N_TOKENS + 1) == learnt + 2 * d_model + 1
    assert total("mean", N_TOKENS + 2) is None
