"""Next-token objectives: which state names which gene."""

import pytest
import torch
from torch.nn import functional

from genemamba.nn.config import ModelConfig
from genemamba.nn.model import GeneMamba, build_model
from genemamba.nn.objectives.next_token import NextTokenCausal, NextTokenUpstream
from genemamba.nn.objectives.pathways import PathwayContrast

LENGTHS = (9, 4, 1, 0)


def make_model(*, fuse_every_layer: bool) -> GeneMamba:
    config = ModelConfig(
        vocab_size=30, d_model=16, n_layer=2, d_state=8, headdim=8, pre_norm=True,
        fuse_every_layer=fuse_every_layer,
    )  # fmt: skip
    model = build_model(config, seed=1, device=torch.device("cpu"))
    with torch.no_grad():
        model.embeddings.weight.mul_(50)
        model.lm_head.weight.mul_(50)
    return model


@pytest.fixture(scope="module")
def input_ids() -> torch.Tensor:
    return torch.randint(2, 30, (4, 9), generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def mask() -> torch.Tensor:
    return torch.arange(9) < torch.tensor(LENGTHS)[:, None]


def loss_of(objective, model, input_ids, mask):
    return objective.loss(model, input_ids, mask, generator=torch.Generator().manual_seed(0))


def causal_states(model, genes):
    """Run one cell from its first gene on."""
    h_BLD = model.embeddings(genes[None])
    for layer in model.mamba_mixer.layers:
        h_BLD = h_BLD + layer.mamba(layer.norm(h_BLD))
    return model.norm_f(h_BLD)[0]


def test_causal_loss_is_that_of_both_readings_of_each_cell(input_ids, mask):
    model = make_model(fuse_every_layer=False)
    named = []
    for row, length in enumerate(LENGTHS[:2]):
        genes = input_ids[row, :length]
        for reading in (genes, genes.flip(0)):
            log_p = torch.log_softmax(model.lm_head(causal_states(model, reading)[:-1]), dim=-1)
            named += [-log_p[place, gene] for place, gene in enumerate(reading[1:])]
    expected = torch.stack(named).mean()

    losses = loss_of(NextTokenCausal(), model, input_ids, mask)

    assert len(named) == 2 * (8 + 3)
    torch.testing.assert_close(losses.tokens, expected)
    assert (losses.contrast, losses.pathways) == (None, None)


def test_upstream_loss_is_the_published_formula_without_padding(input_ids, mask):
    model = make_model(fuse_every_layer=True)
    logits = model.lm_head(model(input_ids, mask))[:, :-1]
    labels = input_ids[:, 1:].masked_fill(~mask[:, 1:], -100)
    expected = functional.cross_entropy(logits.flatten(0, 1), labels.flatten())

    losses = loss_of(NextTokenUpstream(), model, input_ids, mask)

    torch.testing.assert_close(losses.tokens, expected)


@pytest.mark.parametrize(
    ("objective", "fuse_every_layer"),
    [(NextTokenCausal(), False), (NextTokenUpstream(), True)],
    ids=["causal", "upstream"],
)
def test_cells_of_one_gene_have_nothing_to_name(input_ids, mask, objective, fuse_every_layer):
    model = make_model(fuse_every_layer=fuse_every_layer)

    losses = loss_of(objective, model, input_ids[2:, :1], mask[2:, :1])

    losses.tokens.backward()
    assert losses.tokens.item() == 0.0


def test_gene_sets_are_contrasted_in_the_fused_states(input_ids, mask):
    model = make_model(fuse_every_layer=False)
    bits = torch.randint(0, 4, (30, 1), generator=torch.Generator().manual_seed(3))
    pathways = PathwayContrast(set_bits=bits, n_sampled=5)

    losses = loss_of(NextTokenCausal(pathways=pathways), model, input_ids, mask)

    expected = pathways.loss(
        model(input_ids, mask), input_ids, mask, generator=torch.Generator().manual_seed(0)
    )
    assert expected.item() > 0
    torch.testing.assert_close(losses.pathways, expected)
