"""The mixer against transformers' Mamba-2, mamba_ssm's references, and two naive passes."""

import importlib.util
import sys
import types
import warnings

import pytest
import torch
from torch import Tensor, nn

from genemamba.nn.config import ModelConfig
from genemamba.nn.conv import CausalConv
from genemamba.nn.mixer import Mixer
from genemamba.nn.model import build_model

CONFIG = ModelConfig(vocab_size=30, d_model=48, n_layer=1, d_state=24, headdim=16)


def make_mixer(config: ModelConfig = CONFIG, *, seed: int = 0) -> Mixer:
    """Take a fresh model's mixer and move every parameter away from its initial value."""
    model = build_model(config, seed=seed, device=torch.device("cpu"))
    mixer = model.mamba_mixer.layers[0].mamba
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in mixer.parameters():
            weight.add_(0.2 * torch.randn(weight.shape, generator=generator))
    return mixer.requires_grad_(False)


def make_states(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def reverse_prefix(t_BL_: Tensor, mask_BL: Tensor) -> Tensor:
    """Reverse the genes of each cell one by one, leaving padding in place: the definition."""
    rows = []
    for t_L_, mask_L in zip(t_BL_, mask_BL, strict=True):
        n = int(mask_L.sum())
        rows.append(torch.cat([t_L_[:n].flip(0), t_L_[n:]]))
    return torch.stack(rows)


def test_mixer_equals_that_of_transformers():
    with warnings.catch_warnings():
        # Importing transformers warns of its own deprecations, which are not ours to mend.
        warnings.simplefilter("ignore")
        mamba2 = pytest.importorskip("transformers.models.mamba2.modeling_mamba2")
        config = mamba2.Mamba2Config(
            hidden_size=48, num_heads=6, head_dim=16, state_size=24, n_groups=1, expand=2,
            conv_kernel=4, chunk_size=32, use_bias=False, use_conv_bias=True,
            layer_norm_epsilon=CONFIG.norm_eps, num_hidden_layers=1,
        )  # fmt: skip
        theirs = mamba2.Mamba2Mixer(config, layer_idx=0)
    ours = make_mixer()
    theirs.load_state_dict(ours.state_dict())
    u_BLD = make_states(3, 150, 48)

    with torch.no_grad():
        torch.testing.assert_close(ours(u_BLD), theirs.eval()(u_BLD), rtol=1e-4, atol=1e-5)


def test_scan_equals_the_reference_of_mamba_ssm(monkeypatch):
    # The package imports its CUDA extension first of all; the reference is plain torch.
    extension = "selective_scan_cuda"
    if importlib.util.find_spec(extension) is None:
        monkeypatch.setitem(sys.modules, extension, types.ModuleType(extension))
    ssd = pytest.importorskip(
        "mamba_ssm.modules.ssd_minimal",
        reason="mamba_ssm and triton are not installed",
        exc_type=ImportError,
    )
    from genemamba.nn.scan import scan

    x_BLHP, B_BLN, C_BLN = (
        make_states(2, 128, 4, 8),
        make_states(2, 128, 16),
        make_states(2, 128, 16),
    )
    dt_BLH, A_H = 0.05 * make_states(2, 128, 4).abs(), -torch.arange(1.0, 5.0)

    expected, _ = ssd.ssd_minimal_discrete(
        x_BLHP * dt_BLH.unsqueeze(-1), A_H * dt_BLH,
        B_BLN.unsqueeze(2).expand(-1, -1, 4, -1), C_BLN.unsqueeze(2).expand(-1, -1, 4, -1), 64,
    )  # fmt: skip

    torch.testing.assert_close(
        scan(x_BLHP, dt_BLH, A_H, B_BLN, C_BLN), expected, rtol=1e-4, atol=1e-5
    )


def test_reading_both_ways_equals_two_passes_over_each_cell_alone():
    mixer = make_mixer()
    u_BLD = make_states(4, 90, 48)
    lengths = torch.tensor([90, 64, 7, 1])
    mask_BL = torch.arange(90) < lengths[:, None]

    read = mixer.read_both(u_BLD, mask_BL)

    for row, n in enumerate(lengths.tolist()):
        cell = u_BLD[row : row + 1, :n]
        torch.testing.assert_close(
            mixer.out_proj(read.forward[row : row + 1, :n]), mixer(cell), rtol=1e-4, atol=1e-5
        )
        torch.testing.assert_close(
            mixer.out_proj(read.backward[row : row + 1, :n]),
            mixer(cell.flip(1)).flip(1),
            rtol=1e-4,
            atol=1e-5,
        )


def test_backward_reading_is_forward_reading_of_the_reversed_prefix():
    mixer = make_mixer()
    u_BLD = make_states(3, 70, 48)
    mask_BL = torch.arange(70) < torch.tensor([70, 33, 2])[:, None]

    backward = mixer.read_both(u_BLD, mask_BL).backward
    of_reversed = mixer.read_both(reverse_prefix(u_BLD, mask_BL), mask_BL).forward

    torch.testing.assert_close(backward, reverse_prefix(of_reversed, mask_BL), rtol=1e-4, atol=1e-5)


def test_padding_states_reach_no_gene_even_if_not_finite():
    mixer = make_mixer()
    u_BLD = make_states(2, 40, 48)
    mask_BL = torch.arange(40) < torch.tensor([40, 11])[:, None]
    other = u_BLD.masked_fill(~mask_BL.unsqueeze(-1), 1e6)

    before, after = mixer.read_both(u_BLD, mask_BL), mixer.read_both(other, mask_BL)

    assert torch.equal(before.forward, after.forward)
    assert torch.equal(before.backward, after.backward)


def test_convolution_equals_that_of_torch():
    conv = nn.Conv1d(6, 6, 4, groups=6, padding=3)
    x_BLX = make_states(2, 17, 6)

    expected = conv(x_BLX.transpose(1, 2))[..., :17].transpose(1, 2)

    found = CausalConv.apply(x_BLX, conv.weight.squeeze(1), conv.bias)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("seqlen", [1, 3, 9], ids=lambda n: f"{n}-tokens")
def test_gradient_of_the_convolution_equals_finite_differences(seqlen):
    inputs = [
        make_states(*shape).double().requires_grad_() for shape in ((2, seqlen, 3), (3, 4), (3,))
    ]

    assert torch.autograd.gradcheck(CausalConv.apply, inputs)


def test_parameters_bear_the_published_names():
    shapes = {name: tuple(t.shape) for name, t in make_mixer().state_dict().items()}

    assert shapes == {
        "dt_bias": (6,),
        "A_log": (6,),
        "D": (6,),
        "in_proj.weight": (2 * 96 + 2 * 24 + 6, 48),
        "conv1d.weight": (96 + 2 * 24, 1, 4),
        "conv1d.bias": (96 + 2 * 24,),
        "norm.weight": (96,),
        "out_proj.weight": (48, 96),
    }


def test_autocast_keeps_the_scan_in_bfloat16():
    mixer = make_mixer()
    u_BLD, mask_BL = make_states(2, 70, 48), torch.ones(2, 70, dtype=torch.bool)
    expected = mixer.read_both(u_BLD, mask_BL).forward

    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = mixer.read_both(u_BLD, mask_BL).forward

    assert found.dtype == torch.bfloat16
    assert (found - expected).abs().max() / expected.abs().max() < 3e-2
