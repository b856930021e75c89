"""Fixtures of the backends: small models whose weights have left their initial values."""

from collections.abc import Callable

import pytest
import torch

from genemamba.nn.config import ModelConfig
from genemamba.nn.model import GeneMamba, build_model

CPU = torch.device("cpu")


def build_trained_like(**changes: object) -> GeneMamba:
    """Make a small model and move every parameter away from its initial value."""
    config = ModelConfig(
        **({"vocab_size": 60, "d_model": 48, "n_layer": 2, "d_state": 24, "headdim": 16} | changes)
    )
    model = build_model(config, seed=0, device=CPU)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            scale = 0.5 if name.startswith("embeddings") else 0.1
            weight.add_(scale * torch.randn(weight.shape, generator=generator))
    return model.requires_grad_(False)


@pytest.fixture
def trained_like() -> Callable[..., GeneMamba]:
    return build_trained_like


@pytest.fixture
def minibatch() -> tuple[torch.Tensor, torch.Tensor]:
    """Five cells of 350, 300, 70, 1 and 0 genes, padded to 350."""
    generator = torch.Generator().manual_seed(2)
    input_ids_BL = torch.randint(2, 60, (5, 350), generator=generator)
    mask_BL = torch.arange(350) < torch.tensor([350, 300, 70, 1, 0])[:, None]
    return input_ids_BL, mask_BL
