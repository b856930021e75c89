"""Hidden genes are not in the input, and answers are counted as a loop would count them."""

import numpy as np
import pytest
import torch

from genemamba.evaluation.genes.hidden import (
    FrequencyNamer,
    HiddenCell,
    ModelNamer,
    PlaceNamer,
    answer,
    hide_genes,
)
from genemamba.inference.encoder import open_encoder
from genemamba.tokens.rank import rank_tokens
from genemamba.tokens.token_set import TokenSet

CPU = torch.device("cpu")
VOCABULARY, N_GENES = 12, 9
"""Tokens 2 to 10 are genes, 11 is [MASK]."""


def token_set(*cells):
    return TokenSet.from_cells([np.array(cell, dtype=np.int32) for cell in cells])


@pytest.fixture(scope="module")
def tokens(atlas, checkpoint):
    return rank_tokens(atlas.counts(), checkpoint.vocabulary, atlas.gene_ids, seqlen=20)


def naive(cells, namer):
    rows = []
    for cell in cells:
        scores = namer(cell)
        shown = set(cell.seen.tolist())
        right, reciprocal, order = 0.0, 0.0, 0.0
        for place, target in enumerate(cell.targets):
            mine = scores[place, target]
            open_genes = [g for g in range(2, 2 + N_GENES) if g not in shown]
            above = sum(scores[place, g] > mine for g in open_genes)
            equal = sum(scores[place, g] == mine for g in open_genes)
            right += (above == 0) / equal
            reciprocal += 1 / (above + (equal + 1) / 2)
            rivals = [scores[place, g] for g in cell.targets]
            order += (max(rivals) == mine) / sum(rival == mine for rival in rivals)
        rows.append((len(cell.targets), right, reciprocal, order))
    return np.array(rows).T


def test_answers_are_those_of_a_loop():
    rng = np.random.default_rng(0)
    cells = hide_genes(
        token_set(*(rng.permutation(np.arange(2, 11))[:n] for n in (9, 7, 4, 2))),
        seed=0,
        fraction=0.4,
    )
    tables = {cell.row: rng.integers(0, 4, (len(cell.places), VOCABULARY)) for cell in cells}

    def namer(cell):
        return tables[cell.row].astype(np.float32)

    found = answer(cells, namer, n_genes=N_GENES)

    np.testing.assert_allclose(np.array(found), naive(cells, namer))


def test_one_who_knows_is_always_right_and_a_mask_is_no_answer():
    cells = hide_genes(token_set(np.arange(2, 11)), seed=0, fraction=0.5)

    def knowing(cell):
        scores = np.zeros((len(cell.places), VOCABULARY), np.float32)
        scores[np.arange(len(cell.places)), cell.targets] = 1
        scores[:, [0, 1, 11]] = 5
        return scores

    found = answer(cells, knowing, n_genes=N_GENES)

    assert found.n_hidden.tolist() == found.right.tolist() == found.right_order.tolist() == [4]
    assert found.reciprocal_rank.tolist() == [4]


def test_the_fraction_is_hidden_and_a_gene_alone_is_not():
    cells = hide_genes(token_set([], [5], [5, 6], np.arange(2, 11)), seed=0, fraction=0.34)

    assert [(cell.row, len(cell.places)) for cell in cells] == [(2, 1), (3, 3)]
    for cell in cells:
        assert sorted([*cell.seen, *cell.targets]) == sorted(cell.tokens)


def test_the_model_does_not_see_what_is_hidden(checkpoint, tokens):
    encoder = open_encoder(checkpoint.model, device=CPU)
    mask = checkpoint.vocabulary.mask_token
    (cell, *_) = hide_genes(tokens, seed=0)
    namer = ModelNamer(encoder, checkpoint.model.lm_head, tokens, stand_in=mask)
    other = tokens.tokens.copy()
    other[tokens.indptr[cell.row] + cell.places] = 2 + np.arange(len(cell.places))
    changed = TokenSet(tokens=other, indptr=tokens.indptr)

    blind = ModelNamer(encoder, checkpoint.model.lm_head, changed, stand_in=mask)

    np.testing.assert_array_equal(namer(cell), blind(cell))
    ids = torch.from_numpy(cell.tokens).clone()[None]
    ids[0, torch.from_numpy(cell.places)] = mask
    with torch.inference_mode():
        h_BLD = checkpoint.model(ids, torch.ones_like(ids, dtype=torch.bool))
        expected = checkpoint.model.lm_head(h_BLD)[0, torch.from_numpy(cell.places)]
    np.testing.assert_allclose(namer(cell), expected.numpy(), atol=1e-4)


def test_baselines_count_other_cells_anywhere_and_at_the_place():
    others = token_set([2, 3, 4], [2, 4, 3], [3, 2, 5])
    cell = HiddenCell(0, np.array([9, 9, 9]), np.array([0, 2]))

    anywhere = FrequencyNamer(others, vocab_size=VOCABULARY)(cell)
    there = PlaceNamer(others, vocab_size=VOCABULARY)(cell)

    assert anywhere[:, 2:6].tolist() == [[3, 3, 2, 1]] * 2
    assert np.floor(there[:, 2:6]).tolist() == [[2, 1, 0, 0], [0, 1, 1, 1]]
    # Genes equally frequent there go by their frequency anywhere.
    assert there[1, 3] > there[1, 4] > there[1, 5]
