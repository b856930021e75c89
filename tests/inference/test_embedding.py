"""Embeddings of cells depend on the cells alone."""

import numpy as np
import pytest
import torch

from genemamba.inference.embedding import embed_cells, minibatches_by_length
from genemamba.nn.config import ModelConfig
from genemamba.nn.model import GeneMamba, build_model
from genemamba.tokens.token_set import TokenSet

CPU = torch.device("cpu")
LENGTHS = np.array([0, 5, 130, 64, 1, 0, 200, 65, 64, 33, 3])


@pytest.fixture(scope="module")
def model() -> GeneMamba:
    config = ModelConfig(
        vocab_size=302, d_model=32, n_layer=3, d_state=16, headdim=16, pre_norm=True
    )
    model = build_model(config, seed=0, device=CPU)
    with torch.no_grad():
        model.embeddings.weight.mul_(50)
    return model


@pytest.fixture(scope="module")
def tokens() -> TokenSet:
    rng = np.random.default_rng(0)
    cells = [rng.permutation(299)[:n] + 2 for n in LENGTHS]
    return TokenSet(
        tokens=np.concatenate(cells).astype(np.int32),
        indptr=np.concatenate([[0], np.cumsum(LENGTHS)]),
    )


def select(tokens: TokenSet, rows: list[int]) -> TokenSet:
    return TokenSet(
        tokens=np.concatenate([tokens.cell(row) for row in rows]),
        indptr=np.concatenate([[0], np.cumsum(tokens.lengths[rows])]),
    )


@pytest.mark.parametrize("tokens_per_minibatch", [1, 150, 100_000], ids=["one", "some", "all"])
def test_embedding_equals_the_mean_state_of_each_cell_alone(model, tokens, tokens_per_minibatch):
    expected = np.zeros((len(LENGTHS), 32), dtype=np.float32)
    for row in np.flatnonzero(LENGTHS):
        cell = torch.from_numpy(tokens.cell(row)).unsqueeze(0)
        with torch.inference_mode():
            expected[row] = model(cell, torch.ones_like(cell, dtype=torch.bool))[0].mean(0)

    found = embed_cells(model, tokens, device=CPU, tokens_per_minibatch=tokens_per_minibatch)

    assert (found.dtype, found.shape) == (np.float32, (11, 32))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    assert np.abs(found[1:5]).max() > 0.1


def test_permuting_cells_permutes_rows(model, tokens):
    order = np.random.default_rng(1).permutation(len(LENGTHS))

    permuted = embed_cells(model, select(tokens, order.tolist()), device=CPU)

    np.testing.assert_allclose(
        permuted, embed_cells(model, tokens, device=CPU)[order], rtol=0, atol=1e-5
    )


def test_cells_without_a_gene_have_zeros(model, tokens):
    embedding = embed_cells(model, tokens, device=CPU)

    assert np.flatnonzero(~embedding.any(axis=1)).tolist() == [0, 5]


def test_progress_counts_every_cell(model, tokens):
    calls = []

    embed_cells(
        model, tokens, device=CPU, tokens_per_minibatch=200,
        progress=lambda done, total: calls.append((done, total)),
    )  # fmt: skip

    assert calls[-1] == (11, 11)
    assert calls == sorted(set(calls))


def test_short_cells_count_as_the_blocks_that_they_are_padded_to():
    groups = minibatches_by_length(LENGTHS, tokens_per_minibatch=130, tokens_per_block=64)

    assert [LENGTHS[rows].tolist() for rows in groups] == [
        [200], [130], [65], [64, 64], [33, 5], [3, 1],
    ]  # fmt: skip


def test_minibatches_hold_every_cell_with_a_token_within_the_budget():
    groups = minibatches_by_length(LENGTHS, tokens_per_minibatch=130)

    assert sorted(row for rows in groups for row in rows) == np.flatnonzero(LENGTHS).tolist()
    assert all(len(rows) == 1 or len(rows) * LENGTHS[rows].max() <= 130 for rows in groups)
    assert [LENGTHS[rows].tolist() for rows in groups] == [
        [200],
        [130],
        [65, 64],
        [64, 33],
        [5, 3, 1],
    ]
