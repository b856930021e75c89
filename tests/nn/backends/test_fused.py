"""The fused reading: its convolution everywhere, its kernels in Triton's interpreter.

How to run them: `tests.triton_interpreter`.
"""

import pytest
import torch

from genemamba.nn.backends.fused import convolve_packed, read_fused, read_packed
from genemamba.nn.backends.loading import load_backend
from genemamba.nn.conv import CausalConv
from tests.triton_interpreter import interpreted

# mamba_ssm advises a cache of tuned kernels, which needs a GPU to tune on.
pytestmark = pytest.mark.filterwarnings("ignore:Deterministic mode:UserWarning")


def test_convolution_of_packed_cells_is_that_of_each_alone():
    generator = torch.Generator().manual_seed(0)
    x_TX, taps_KX, bias_X = (torch.randn(*n, generator=generator) for n in ((20, 6), (4, 6), (6,)))
    seq_idx_T = torch.tensor([0] * 9 + [1] + [2] * 2 + [5] * 8)

    found = convolve_packed(x_TX[None], taps_KX, bias_X, seq_idx_T[None])[0]

    for cell in (0, 1, 2, 5):
        alone = CausalConv.apply(x_TX[None, seq_idx_T == cell], taps_KX.T, bias_X)[0]
        torch.testing.assert_close(found[seq_idx_T == cell], alone)


@interpreted
def test_kernels_read_padded_cells_as_torch_does(trained_like, cuda_stand_in):
    mixer = trained_like().mamba_mixer.layers[0].mamba
    u_BLD = torch.randn(3, 70, 48, generator=torch.Generator().manual_seed(0))
    mask_BL = torch.arange(70) < torch.tensor([70, 33, 1])[:, None]
    expected = mixer.read_both(u_BLD, mask_BL)

    found = read_fused(mixer, u_BLD, mask_BL, chunk_size=32)

    torch.testing.assert_close(found.forward, expected.forward, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found.backward, expected.backward, rtol=1e-4, atol=1e-5)


@interpreted
def test_gradients_of_the_kernels_equal_those_of_torch(trained_like, cuda_stand_in):
    mixer = trained_like().mamba_mixer.layers[0].mamba.requires_grad_()
    generator = torch.Generator().manual_seed(0)
    u_TD = torch.randn(50, 48, generator=generator)
    weight_TI = torch.randn(50, 96, generator=generator)
    seq_idx_T = torch.tensor([0] * 30 + [1] * 20, dtype=torch.int32)

    def gradients(read):
        mixer.zero_grad()
        ((read.forward + 2 * read.backward) * weight_TI).sum().backward()
        named = mixer.named_parameters()
        return {name: w.grad.clone() for name, w in named if w.grad is not None}

    alone = [
        mixer.read_both(u_TD[None, part], torch.ones(1, len(u_TD[part]), dtype=torch.bool))
        for part in (slice(30), slice(30, 50))
    ]
    expected = gradients(
        type(alone[0])(*(torch.cat(both, dim=1)[0] for both in zip(*alone, strict=True)))
    )
    found = gradients(read_packed(mixer, u_TD, seq_idx_T, chunk_size=32))

    assert set(found) == set(expected)
    for name, gradient in expected.items():
        share = (found[name] - gradient).abs().max() / gradient.abs().max()
        assert share < 1e-4, name


@interpreted
def test_backend_gives_the_states_of_the_model(trained_like, cuda_stand_in):
    model = trained_like()
    input_ids_BL = torch.randint(2, 60, (2, 40), generator=torch.Generator().manual_seed(0))
    mask_BL = torch.arange(40) < torch.tensor([40, 17])[:, None]

    backend = load_backend(model, "mamba_ssm", device=torch.device("cpu"), dtype=torch.float32)

    error = (backend(input_ids_BL, mask_BL) - model(input_ids_BL, mask_BL))[mask_BL].abs().max()
    assert error < 1e-5
