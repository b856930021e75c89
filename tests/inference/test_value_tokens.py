"""Embeddings of cells whose tokens tell their expression, in either kind of stack."""

import numpy as np
import pytest
import torch

from genemamba.inference.embedding import embed_cells
from genemamba.nn.config import ModelConfig
from genemamba.nn.model import GeneMamba, build_model
from genemamba.tokens.token_set import TokenSet

CPU = torch.device("cpu")
LENGTHS = np.array([0, 5, 40, 1, 17, 40, 3])


@pytest.fixture(scope="module", params=[True, False], ids=["fused every layer", "fused once"])
def model(request) -> GeneMamba:
    config = ModelConfig(
        vocab_size=102, d_model=16, n_layer=2, d_state=8, headdim=8, pre_norm=True,
        fuse_every_layer=request.param, value_bins=9,
    )  # fmt: skip
    model = build_model(config, seed=0, device=CPU).requires_grad_(False)
    model.embeddings.weight.mul_(50)
    model.value_embeddings.weight.mul_(50)
    return model


@pytest.fixture(scope="module")
def tokens() -> TokenSet:
    rng = np.random.default_rng(0)
    cells = [rng.permutation(99)[:n] + 2 for n in LENGTHS]
    return TokenSet(
        tokens=np.concatenate(cells).astype(np.int32),
        indptr=np.concatenate([[0], np.cumsum(LENGTHS)]),
        bins=rng.integers(1, 10, LENGTHS.sum()).astype(np.uint8),
    )


def test_embedding_depends_on_the_cell_and_its_expression_alone(model, tokens):
    expected = np.zeros((len(LENGTHS), 16), dtype=np.float32)
    for row in np.flatnonzero(LENGTHS):
        one = tokens.slice(row, row + 1)
        ids, bins = (torch.from_numpy(t.astype(np.int64))[None] for t in (one.tokens, one.bins))
        expected[row] = model(ids, torch.ones_like(ids, dtype=torch.bool), bins)[0].mean(0)

    found = embed_cells(model, tokens, device=CPU, tokens_per_minibatch=90)

    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    assert np.abs(found[1:]).max(axis=1).min() > 0.1


def test_a_cell_with_other_expression_has_another_embedding(model, tokens):
    other = TokenSet(tokens=tokens.tokens, indptr=tokens.indptr, bins=10 - tokens.bins)

    moved = embed_cells(model, other, device=CPU) - embed_cells(model, tokens, device=CPU)

    assert np.abs(moved[LENGTHS > 1]).max(axis=1).min() > 1e-2
    assert not moved[LENGTHS == 0].any()
