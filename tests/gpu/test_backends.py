"""The backends of a CUDA device against the float64 model on the CPU."""

import importlib.util

import pytest
import torch

from genemamba.nn.backends.loading import load_backend
from genemamba.nn.config import FUSIONS, ModelConfig
from genemamba.nn.model import GeneMamba, build_model

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is present"),
]
CPU = torch.device("cpu")


def make_model(fusion: str = "mean") -> GeneMamba:
    config = ModelConfig(vocab_size=100, d_model=256, n_layer=4, fusion=fusion)
    return build_model(config, seed=0, device=CPU).requires_grad_(False)


@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [(torch.float32, 1e-3), (torch.bfloat16, 3e-2)],
    ids=["float32", "bfloat16"],
)
@pytest.mark.parametrize("name", ["torch", "mamba_ssm"])
def test_states_equal_those_of_the_processor(name, dtype, tolerance, fusion):
    if name == "mamba_ssm" and not all(map(importlib.util.find_spec, ("triton", "mamba_ssm"))):
        pytest.skip("mamba_ssm is not installed")
    cuda = torch.device("cuda", torch.cuda.current_device())
    model = make_model(fusion)
    input_ids_BL = torch.randint(2, 100, (3, 700), generator=torch.Generator().manual_seed(0))
    mask_BL = torch.arange(700) < torch.tensor([700, 333, 1])[:, None]

    backend = load_backend(model, name, device=cuda, dtype=dtype)
    found = backend(input_ids_BL.to(cuda), mask_BL.to(cuda)).cpu()

    expected = model.double()(input_ids_BL, mask_BL)
    error = (found - expected)[mask_BL].abs().max() / expected[mask_BL].abs().max()
    assert error < tolerance
