"""An embedding computed on a CUDA device is that of the CPU."""

import numpy as np
import pytest
import torch

from genemamba.inference.embedding import embed_cells
from genemamba.nn.backends.names import multiplies_bfloat16
from genemamba.nn.config import ModelConfig
from genemamba.nn.model import build_model
from genemamba.tokens.token_set import TokenSet

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]


@pytest.fixture
def tokens() -> TokenSet:
    rng = np.random.default_rng(0)
    lengths = [0, 5, 130, 64, 1, 200, 65]
    return TokenSet.from_cells([(rng.permutation(299)[:n] + 2).astype(np.int32) for n in lengths])


@pytest.fixture
def model():
    config = ModelConfig(vocab_size=302, d_model=64, n_layer=3, d_state=16, headdim=32)
    return build_model(config, seed=0, device=CPU)


def test_in_fp32_to_four_decimals(model, tokens):
    expected = embed_cells(model, tokens, device=CPU)

    found = embed_cells(model, tokens, device=CUDA)

    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


def test_in_bf16_to_a_fiftieth_of_its_length(model, tokens):
    if not multiplies_bfloat16(CUDA):
        pytest.skip("this device has no instructions for bf16")
    expected = embed_cells(model, tokens, device=CPU)

    found = embed_cells(model, tokens, device=CUDA, precision="bf16")

    error = np.linalg.norm(found - expected, axis=1)
    assert (error <= 0.02 * np.linalg.norm(expected, axis=1)).all()
