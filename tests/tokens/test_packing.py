"""Packed cells are read as if each were alone."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from genemamba.errors import InputError
from genemamba.nn.config import ModelConfig
from genemamba.nn.mixer import Mixer
from genemamba.nn.model import build_model
from genemamba.tokens.minibatch import pad_cells
from genemamba.tokens.packing import pack_cells, unpack_cells, unpack_states
from genemamba.tokens.token_set import TokenSet
from genemamba.tokens.vocabulary import PAD_TOKEN

CONFIG = ModelConfig(vocab_size=50, d_model=16, n_layer=2, d_state=8, headdim=8, pre_norm=True)


@pytest.fixture(scope="module")
def tokens():
    """40 cells of 1 to 30 tokens."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 31, 40)
    lengths[:2] = (30, 1)
    return TokenSet.from_cells([rng.integers(2, 50, n).astype(np.int32) for n in lengths])


def test_unpacked_cells_are_the_padded_ones(tokens):
    rows = np.array([5, 0, 39, 1, 1, 17])

    found = unpack_cells(pack_cells(tokens, rows, width=40))

    expected = pad_cells(tokens, rows)
    assert torch.equal(found.input_ids, expected.input_ids)
    assert torch.equal(found.mask, expected.mask)


def test_reading_reversed_rows_is_reading_each_cell_backwards(tokens):
    packed = pack_cells(tokens, np.arange(40), width=64).reverse()

    found = unpack_cells(packed)

    for cell, (ids, mask) in enumerate(zip(found.input_ids, found.mask, strict=True)):
        assert ids[mask].tolist() == tokens.cell(cell)[::-1].tolist()


def test_neighbours_of_one_number_are_of_one_cell_and_padding_is_of_none(tokens):
    packed = pack_cells(tokens, np.arange(40), width=64)

    runs = 0
    for ids, numbers in zip(packed.input_ids, packed.seq_idx, strict=True):
        values, lengths = torch.unique_consecutive(numbers, return_counts=True)
        assert len(set(values.tolist())) == len(values)
        padding = int((ids == PAD_TOKEN).sum())
        assert padding == 0 or (lengths[-1] == padding and (ids[-padding:] == PAD_TOKEN).all())
        runs += len(values) - bool(padding)
    assert runs == 40
    assert packed.seq_idx.dtype == torch.int32


def test_rows_are_nearly_full(tokens):
    packed = pack_cells(tokens, np.arange(40), width=64)

    assert len(packed.input_ids) <= -(-len(tokens.tokens) // 64) + 1


def test_a_cell_longer_than_a_row_is_refused(tokens):
    with pytest.raises(InputError, match=r"up to 29 tokens.*found 30 tokens in the longest"):
        pack_cells(tokens, np.arange(40), width=29)


def test_no_cells_make_no_rows(tokens):
    packed = pack_cells(tokens, np.array([], dtype=np.int64), width=8)

    assert packed.input_ids.shape == (0, 8)
    assert unpack_cells(packed).mask.shape == (0, 0)


def read_packed(mixer: Mixer, u_RTD, seq_idx_RT):
    """Run one mixer over packed rows, one token after the other, as the recurrence is written."""
    config = mixer.config
    widths = [config.d_inner, config.d_inner + 2 * config.d_state, config.nheads]
    z_RTI, xBC_RTX, dt_RTH = mixer.in_proj(u_RTD).split(widths, dim=-1)
    mixed_RTX = mixer.conv1d.bias.expand_as(xBC_RTX).clone()
    for lag in range(config.d_conv):
        same_RT = functional.pad(seq_idx_RT[:, lag:] == seq_idx_RT[:, : -lag or None], (lag, 0))
        shifted_RTX = functional.pad(xBC_RTX[:, : -lag or None], (0, 0, lag, 0))
        mixed_RTX += shifted_RTX * same_RT.unsqueeze(-1) * mixer.conv1d.weight[:, 0, -1 - lag]
    x_RTI, B_RTN, C_RTN = functional.silu(mixed_RTX).split(
        [config.d_inner, config.d_state, config.d_state], dim=-1
    )
    x_RTHP = x_RTI.unflatten(-1, (config.nheads, config.headdim))
    dt_RTH = functional.softplus(dt_RTH + mixer.dt_bias)
    decay_RTH = torch.exp(-dt_RTH * mixer.A_log.exp())
    S, y = 0.0, []
    for t in range(u_RTD.shape[1]):
        same_R = seq_idx_RT[:, t] == seq_idx_RT[:, t - 1] if t else torch.zeros(len(u_RTD)).bool()
        kept = decay_RTH[:, t, :, None, None] * same_R.view(-1, 1, 1, 1)
        S = (
            S * kept
            + (dt_RTH[:, t, :, None] * x_RTHP[:, t]).unsqueeze(-1) * B_RTN[:, t, None, None]
        )
        y.append((S * C_RTN[:, t, None, None]).sum(-1) + mixer.D.unsqueeze(-1) * x_RTHP[:, t])
    y_RTI = torch.stack(y, dim=1).flatten(-2)
    return mixer.norm(y_RTI * functional.silu(z_RTI))


@torch.no_grad()
def test_a_model_over_packed_rows_has_the_states_of_padded_cells(tokens):
    model = build_model(CONFIG, seed=0, device=torch.device("cpu")).double()
    rows = np.arange(40)
    packed = pack_cells(tokens, rows, width=64)
    h_RTD = model.embeddings(packed.input_ids)
    for layer in model.mamba_mixer.layers:
        u_RTD = layer.norm(h_RTD)
        forward = read_packed(layer.mamba, u_RTD, packed.seq_idx)
        backward = read_packed(layer.mamba, u_RTD.flip(1), packed.reverse().seq_idx).flip(1)
        h_RTD = h_RTD + layer.mamba.out_proj(forward + backward) / 2
    found_BLD, mask_BL = unpack_states(model.norm_f(h_RTD), packed)

    minibatch = pad_cells(tokens, rows)
    expected_BLD = model(minibatch.input_ids, minibatch.mask)
    assert torch.equal(mask_BL, minibatch.mask)
    torch.testing.assert_close(found_BLD[mask_BL], expected_BLD[mask_BL], rtol=1e-9, atol=1e-10)
