"""Gene embeddings from the genes that cells have in common, against numpy's factorisation."""

import numpy as np
import pytest
import torch

from genemamba.nn.model import GeneMamba, build_model
from genemamba.training.fine_tuning.gene_spectra import LEVEL, SIZE, set_gene_spectra
from genemamba.training.presets import load_preset


@pytest.fixture
def model(vocabulary) -> GeneMamba:
    config = load_preset("tiny", vocab_size=vocabulary.size).model
    return build_model(config, seed=0, device=torch.device("cpu"))


@pytest.mark.parametrize("rarity", [0.0, 1.0])
def test_cells_keep_their_similarities(model, tokens, rarity):
    present = np.zeros((tokens.n_obs, model.config.vocab_size))
    for row in range(tokens.n_obs):
        present[row, tokens.cell(row)] = 1
    weight = np.log(1 / np.clip(present.mean(axis=0), 1e-3, 1)) ** rarity
    weighted = present * weight
    weighted /= np.linalg.norm(weighted, axis=1, keepdims=True)
    u, s, _ = np.linalg.svd(weighted, full_matrices=False)
    expected = (u[:, :31] * s[:31]) @ (u[:, :31] * s[:31]).T

    set_gene_spectra(model, tokens, seed=0, rarity=rarity)

    table = model.embeddings.weight.detach().numpy().astype(np.float64) / SIZE
    cells = present @ table[:, 1:] / np.linalg.norm(present * weight, axis=1, keepdims=True)
    found = cells @ cells.T
    scale = np.trace(expected) / np.trace(found)
    np.testing.assert_allclose(found * scale, expected, atol=0.03)
    np.testing.assert_array_equal(table[:, 0], LEVEL)
    read = present.sum(axis=0)
    assert np.average((table[:, 1:] ** 2).sum(axis=1), weights=read) == pytest.approx(1, rel=1e-5)


def test_special_tokens_tell_nothing_but_the_level(model, tokens, vocabulary):
    set_gene_spectra(model, tokens, seed=0)

    special = model.embeddings.weight.detach()[[0, 1, vocabulary.mask_token]]
    assert torch.equal(special[:, 1:], torch.zeros_like(special[:, 1:]))


def test_the_seed_decides(model, tokens):
    tables = []
    for _ in range(2):
        set_gene_spectra(model, tokens, seed=3)
        tables.append(model.embeddings.weight.detach().clone())

    assert torch.equal(*tables)
