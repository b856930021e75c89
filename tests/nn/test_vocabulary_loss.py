"""Scoring in parts is scoring at once."""

import pytest
import torch

from genemamba.nn import vocabulary_loss as module
from genemamba.nn.vocabulary_loss import vocabulary_loss

N_TOKENS, D_MODEL, VOCAB_SIZE = 300, 16, 500


@pytest.fixture
def drawn():
    generator = torch.Generator().manual_seed(0)
    h_MD = torch.randn(N_TOKENS, D_MODEL, generator=generator)
    head = torch.nn.Linear(D_MODEL, VOCAB_SIZE)
    with torch.no_grad():
        head.weight.normal_(generator=generator)
        head.bias.normal_(generator=generator)
    return h_MD, head, torch.randint(VOCAB_SIZE, (N_TOKENS,), generator=generator)


def gradients(loss, h_MD, head):
    return torch.autograd.grad(loss, [h_MD, head.weight, head.bias])


@pytest.mark.parametrize("chunked_from", [0, N_TOKENS * VOCAB_SIZE + 1], ids=["parts", "at-once"])
def test_loss_and_gradients_are_those_of_the_formula_in_float64(drawn, chunked_from, monkeypatch):
    monkeypatch.setattr(module, "CHUNKED_FROM", chunked_from)
    h_MD, head, targets_M = drawn
    h_MD.requires_grad_()

    found = vocabulary_loss(h_MD, head, targets_M)

    exact = [t.detach().double().requires_grad_() for t in (h_MD, head.weight, head.bias)]
    logits_MV = exact[0] @ exact[1].T + exact[2]
    expected = -(logits_MV.log_softmax(-1)[torch.arange(N_TOKENS), targets_M]).mean()
    assert found.item() == pytest.approx(expected.item(), rel=1e-6)
    wanted = torch.autograd.grad(expected, exact)
    for ours, theirs in zip(gradients(found, h_MD, head), wanted, strict=True):
        torch.testing.assert_close(ours.double(), theirs, rtol=1e-4, atol=1e-7)


def test_parts_are_float32_under_bfloat16_autocast(drawn, monkeypatch):
    monkeypatch.setattr(module, "CHUNKED_FROM", 0)
    h_MD, head, targets_M = drawn
    plain = vocabulary_loss(h_MD, head, targets_M)

    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = vocabulary_loss(h_MD, head, targets_M)

    assert cast.dtype == torch.float32
    assert cast.item() == plain.item()
