"""No objective but the published one can see what it has to name.

The cells here are sequences of genes drawn without replacement, all equally likely, so that
nothing can be learnt but which genes are left. How well genes can be named is then known: let p be
the true probability of all the genes to be named, given what is seen, and q that which a model
gives them. Since q sums to one at most, the mean of q / p is one at most, and by Markov's inequality
``-log q < -log p - a`` has a probability below ``exp(-a)``, whatever the model. A model that gets
further below has seen the genes.
"""

import math

import pytest
import torch

from genemamba.nn.config import ModelConfig
from genemamba.nn.model import build_model
from genemamba.nn.objectives.hiding import halve_cells, hidden_genes
from genemamba.nn.objectives.masked import Masked
from genemamba.nn.objectives.next_token import NextTokenCausal, NextTokenUpstream

N_GENES, LENGTH = 24, 12
MASK_TOKEN = N_GENES + 2
STEPS = 250
LUCK = math.log(1e9)
"""A model that has seen nothing gets this many nats below the entropy once in 10^9 times."""

MASKED = Masked(mask_token=MASK_TOKEN, fraction=0.3, temperature=0.1)


def draw_cells(n: int, generator: torch.Generator) -> torch.Tensor:
    return torch.rand(n, N_GENES, generator=generator).argsort(dim=1)[:, :LENGTH] + 2


def draw_sorted(n: int, generator: torch.Generator) -> torch.Tensor:
    """Draw cells whose genes come in the order of their tokens, which can be learnt."""
    return draw_cells(n, generator).sort(dim=1).values


def log_orders(left: int, n: int) -> float:
    """Return the logarithm of the ways to draw n genes in order from those that are left."""
    return math.lgamma(left + 1) - math.lgamma(left - n + 1)


def entropy_of_next_tokens(_input_ids, _mask, _generator):
    """Return nats a gene: of each cell, in either reading, all genes but the first are named."""
    return log_orders(N_GENES - 1, LENGTH - 1) / (LENGTH - 1)


def entropy_of_hidden_genes(input_ids, mask, generator):
    """Return nats a gene, for the same halves and hidden genes as the objective draws."""
    halves = halve_cells(input_ids, mask, generator=generator)
    hidden_BL = hidden_genes(halves.mask, fraction=MASKED.fraction, generator=generator)
    seen = (halves.mask & ~hidden_BL).sum(dim=1).tolist()
    hidden = hidden_BL.sum(dim=1).tolist()
    total = sum(log_orders(N_GENES - s, h) for s, h in zip(seen, hidden, strict=True))
    return total / sum(hidden)


def train(objective, *, fuse_every_layer, steps=STEPS, draw=draw_cells):
    """Train a tiny model on ever new cells."""
    config = ModelConfig(
        vocab_size=N_GENES + 3, d_model=32, n_layer=2, d_state=8, headdim=16, pre_norm=True,
        fuse_every_layer=fuse_every_layer,
    )  # fmt: skip
    model = build_model(config, seed=0, device=torch.device("cpu"))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    generator = torch.Generator().manual_seed(1)
    mask = torch.ones(16, LENGTH, dtype=torch.bool)
    for _ in range(steps):
        losses = objective.loss(model, draw(16, generator), mask, generator=generator)
        optimizer.zero_grad()
        losses.tokens.backward()
        optimizer.step()
    return model


@torch.no_grad()
def nats_below_entropy(objective, model, entropy, *, draw=draw_cells) -> tuple[float, int]:
    """Score fresh cells: how far below the entropy a gene is named, and how many genes that are."""
    input_ids = draw(512, torch.Generator().manual_seed(2))
    mask = torch.ones(512, LENGTH, dtype=torch.bool)
    found = objective.loss(model, input_ids, mask, generator=torch.Generator().manual_seed(3))
    least = entropy(input_ids, mask, torch.Generator().manual_seed(3))
    named = round(MASKED.fraction * 512 * LENGTH) if objective is MASKED else 512 * (LENGTH - 1)
    return least - found.tokens.item(), named


@pytest.mark.parametrize(
    ("objective", "fuse_every_layer", "entropy"),
    [
        pytest.param(MASKED, True, entropy_of_hidden_genes, id="masked"),
        pytest.param(NextTokenCausal(), False, entropy_of_next_tokens, id="next_token_causal"),
    ],
)
def test_genes_are_not_named_better_than_by_what_is_left(objective, fuse_every_layer, entropy):
    model = train(objective, fuse_every_layer=fuse_every_layer)

    below, named = nats_below_entropy(objective, model, entropy)

    # Two readings of the cells are two codes; the bound holds for each, and so for their mean.
    assert below < LUCK / named
    # Nor is it much worse than a model that only knows which genes there are.
    assert below > -0.35


def test_the_published_objective_is_solved_by_copying():
    model = train(NextTokenUpstream(), fuse_every_layer=True)

    below, named = nats_below_entropy(NextTokenUpstream(), model, entropy_of_next_tokens)

    assert below > 100 * LUCK / named


def test_the_causal_objective_learns_where_there_is_something_to_learn():
    model = train(NextTokenCausal(), fuse_every_layer=False, steps=100, draw=draw_sorted)

    below, _ = nats_below_entropy(
        NextTokenCausal(), model, entropy_of_next_tokens, draw=draw_sorted
    )

    assert below > 0.5
