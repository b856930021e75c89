"""Bidirectional layers against two full passes, as the published code runs them."""

import pytest
import torch

from genemamba.nn.config import FUSIONS, ModelConfig
from genemamba.nn.model import GeneMamba, build_model


def make_model(fusion: str, *, pre_norm: bool = False) -> GeneMamba:
    config = ModelConfig(
        vocab_size=20, d_model=32, n_layer=3, d_state=16, headdim=16,
        fusion=fusion, pre_norm=pre_norm,
    )  # fmt: skip
    return build_model(config, seed=3, device=torch.device("cpu")).requires_grad_(False)


def published_forward(model: GeneMamba, h_BLD: torch.Tensor) -> torch.Tensor:
    """Run the published EncoderLayer and fusions, without padding."""
    stack = model.mamba_mixer
    for layer in stack.layers:

        def encode(x, layer=layer):
            return layer.mamba(x if layer.norm is None else layer.norm(x)) + x

        forward, backward = encode(h_BLD), encode(h_BLD.flip(1)).flip(1)
        both = torch.cat([forward, backward], dim=-1)
        match model.config.fusion:
            case "mean":
                h_BLD = (forward + backward) / 2
            case "sum":
                h_BLD = forward + backward
            case "concat":
                h_BLD = stack.aggr(both)
            case "gate":
                z = torch.sigmoid(stack.aggr(both))
                h_BLD = z * forward + (1 - z) * backward
    return h_BLD


@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize("pre_norm", [False, True], ids=["post", "pre-norm"])
def test_shared_projections_equal_two_full_passes(fusion, pre_norm):
    model = make_model(fusion, pre_norm=pre_norm)
    h_BLD = torch.randn(2, 75, 32, generator=torch.Generator().manual_seed(0))

    found = model.mamba_mixer(h_BLD, torch.ones(2, 75, dtype=torch.bool))

    torch.testing.assert_close(found, published_forward(model, h_BLD), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("fusion", FUSIONS)
def test_padded_cell_equals_the_cell_alone(fusion):
    model = make_model(fusion)
    h_BLD = torch.randn(2, 75, 32, generator=torch.Generator().manual_seed(0))
    mask_BL = torch.arange(75) < torch.tensor([75, 20])[:, None]

    padded = model.mamba_mixer(h_BLD, mask_BL)[1:, :20]

    torch.testing.assert_close(
        padded, published_forward(model, h_BLD[1:, :20]), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("fusion", FUSIONS)
def test_recomputed_layers_have_the_same_gradients_and_keep_less(fusion):
    model = make_model(fusion, pre_norm=True).requires_grad_()
    input_ids_BL = torch.randint(2, 20, (3, 40), generator=torch.Generator().manual_seed(1))
    mask_BL = torch.arange(40) < torch.tensor([[40], [17], [1]])
    gradients, kept = [], []
    for checkpoint_layers in (False, True):
        model.mamba_mixer.checkpoint_layers = checkpoint_layers
        model.zero_grad()
        sizes = []

        def keep(tensor, sizes=sizes):
            sizes.append(tensor.numel())
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            loss = model(input_ids_BL, mask_BL)[mask_BL].square().sum()
        loss.backward()
        gradients.append([p.grad.clone() for p in model.parameters() if p.grad is not None])
        kept.append(sum(sizes))

    assert all(map(torch.equal, *gradients))
    assert kept[1] < kept[0] / 4
