"""The contrast of gene sets: who is drawn, who belongs to whom, and what it costs."""

import numpy as np
import pytest
import torch

from genemamba.nn.objectives.pathways import (
    PathwayContrast,
    contrast_of_sets,
    draw_positions,
    shared_sets,
)


def generator(seed=0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def contrast_by_loops(h, shared, *, temperature):
    """Follow the formula, one anchor of one cell after the other."""
    anchors = []
    for cell, states in enumerate(h):
        unit = states / np.linalg.norm(states, axis=1, keepdims=True)
        for i in range(len(unit)):
            score = {j: unit[i] @ unit[j] / temperature for j in range(len(unit)) if j != i}
            positives = [j for j in score if shared[cell, i, j]]
            below = np.log(sum(np.exp(value) for value in score.values()))
            if positives:
                anchors.append(np.mean([below - score[j] for j in positives]))
    return np.mean(anchors)


def test_loss_equals_its_formula():
    rng = np.random.default_rng(0)
    h = rng.normal(size=(3, 6, 5))
    shared = rng.random((3, 6, 6)) < 0.2
    shared |= shared.transpose(0, 2, 1)
    shared[0, 2] = shared[0, :, 2] = False

    found = contrast_of_sets(
        torch.tensor(h), torch.tensor(shared), torch.ones(3, 6, dtype=torch.bool), temperature=0.3
    )

    assert found.item() == pytest.approx(contrast_by_loops(h, shared, temperature=0.3), rel=1e-5)


def test_genes_that_are_not_there_change_nothing():
    rng = np.random.default_rng(1)
    h = rng.normal(size=(1, 6, 5))
    shared = np.ones((1, 6, 6), dtype=bool)
    shared[0, 0, 1] = shared[0, 1, 0] = False
    there = torch.tensor([[True] * 4 + [False] * 2])

    found = contrast_of_sets(torch.tensor(h), torch.tensor(shared), there, temperature=0.3)

    expected = contrast_by_loops(h[:, :4], shared[:, :4, :4], temperature=0.3)
    assert found.item() == pytest.approx(expected, rel=1e-5)


def test_pairs_share_a_set_where_their_sets_intersect():
    rng = np.random.default_rng(2)
    membership = rng.random((2, 7, 130)) < 0.02
    membership[0, 3, 63] = membership[0, 5, 63] = True  # the sign bit of a word
    words = np.pad(membership, ((0, 0), (0, 0), (0, 62)))
    bits = torch.from_numpy(np.packbits(words, axis=-1).view(np.int64))

    found = shared_sets(bits)

    expected = [
        [[bool((a & b).any()) for b in cell] for a in cell] for cell in membership
    ]  # fmt: skip
    assert bits.shape == (2, 7, 3)
    assert found.tolist() == expected


def test_only_known_genes_are_drawn_each_once_and_equally_often():
    known_BL = torch.tensor([[True] * 8 + [False] * 4, [False] * 9 + [True] * 3])
    times = torch.zeros(12)
    draw = generator()
    for _ in range(2000):
        first, second = draw_positions(known_BL, n_drawn=4, generator=draw).tolist()
        assert len(set(first)) == 4
        assert max(first) < 8
        assert set(second[:3]) == {9, 10, 11}
        times[first] += 1

    # Binomial(2000, 0.5): five standard deviations are 112.
    assert ((times[:8] - 1000).abs() < 112).all()


def test_states_without_a_gene_set_do_not_count():
    # Tokens 2 and 3 share a set, 4 has one of its own, 5 has none.
    bits = torch.tensor([[0], [0], [1], [1], [2], [0]])
    h_BLD = torch.randn(1, 5, 4, generator=generator())
    ids_BL, seen_BL = torch.tensor([[2, 5, 3, 4, 1]]), torch.tensor([[True] * 4 + [False]])
    contrast = PathwayContrast(set_bits=bits, temperature=0.5)
    found = contrast.loss(h_BLD, ids_BL, seen_BL, generator=generator())
    h_BLD[0, [1, 4]] = 100.0

    again = contrast.loss(h_BLD, ids_BL, seen_BL, generator=generator())

    cosine = torch.nn.functional.normalize(h_BLD[0, [0, 2, 3]], dim=-1)
    logits = (cosine @ cosine.T) / 0.5
    a, b = logits[0, [1, 2]], logits[1, [0, 2]]
    expected = -(torch.log_softmax(a, 0)[0] + torch.log_softmax(b, 0)[0]) / 2
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(again, found)


def test_cells_without_a_pair_give_zero_and_a_gradient():
    h_BLD = torch.randn(2, 3, 4, generator=generator(), requires_grad=True)
    contrast = PathwayContrast(set_bits=torch.tensor([[0], [0], [1], [2], [4]]))

    loss = contrast.loss(
        h_BLD, torch.tensor([[2, 3, 4], [2, 1, 1]]),
        torch.tensor([[True] * 3, [True, False, False]]), generator=generator(),
    )  # fmt: skip
    loss.backward()

    assert loss.item() == 0.0
    assert torch.isfinite(h_BLD.grad).all()


def test_descending_the_loss_brings_genes_of_one_set_together():
    h_BKD = torch.randn(1, 8, 6, generator=generator()).requires_grad_()
    shared_BKK = (torch.arange(8) // 4)[:, None] == (torch.arange(8) // 4)[None]
    there_BK = torch.ones(1, 8, dtype=torch.bool)
    optimizer = torch.optim.Adam([h_BKD], lr=0.1)
    for _ in range(100):
        loss = contrast_of_sets(h_BKD, shared_BKK[None], there_BK, temperature=0.1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    # At best the three others of a set are all alike, and nothing else is: log 3.
    assert loss.item() == pytest.approx(np.log(3), abs=0.02)
