"""A model that reads binned expression, and one that does not."""

import pytest
import torch

from genemamba.errors import ModelError
from genemamba.nn.config import ModelConfig
from genemamba.nn.model import NO_VALUE, build_model
from genemamba.nn.objectives.hiding import halve_cells, hidden_genes
from genemamba.nn.objectives.masked import Masked

CPU = torch.device("cpu")
SHAPE = {"vocab_size": 30, "d_model": 16, "n_layer": 2, "d_state": 8, "headdim": 8}
IDS = torch.arange(2, 12)[None]
MASK = torch.ones(1, 10, dtype=torch.bool)
BINS = torch.arange(1, 11)[None]


@pytest.fixture(scope="module")
def model():
    return build_model(ModelConfig(**SHAPE, value_bins=10), seed=0, device=CPU)


def test_the_value_is_added_to_the_gene_before_the_first_layer(model):
    gene, value = model.embeddings.weight[IDS], model.value_embeddings.weight[BINS]

    torch.testing.assert_close(model.embed(IDS, BINS), gene + value)
    assert model.value_embeddings.weight.shape == (11, 16)


def test_another_value_gives_another_state(model):
    first, other = model(IDS, MASK, BINS), model(IDS, MASK, BINS.flip(1))

    assert (first - other).abs().amax(dim=-1).min() > 1e-3


def test_values_that_are_wanted_and_absent_are_refused(model):
    with pytest.raises(ModelError, match=r"expression in 10 bins .* found tokens alone"):
        model(IDS, MASK)


def test_a_model_without_values_has_no_weights_for_them_and_reads_none():
    model = build_model(ModelConfig(**SHAPE), seed=0, device=CPU)

    assert not [name for name in model.state_dict() if "value" in name]
    assert torch.equal(model(IDS, MASK, BINS), model(IDS, MASK))


@pytest.mark.parametrize("value_bins", [-1, 256, 2.5, True], ids=str)
def test_impossible_numbers_of_bins_are_refused(value_bins):
    with pytest.raises(ModelError, match=rf"value_bins={value_bins} \(0 to 255\)"):
        ModelConfig(**SHAPE, value_bins=value_bins)


def test_a_hidden_gene_hides_its_value(model):
    """With its rank it would give the gene's median away, and so the gene."""
    objective = Masked(mask_token=29, fraction=0.5, temperature=0.1)

    def generator():
        return torch.Generator().manual_seed(0)

    draw = generator()
    halves = halve_cells(IDS, MASK, generator=draw)
    hidden = hidden_genes(halves.mask, fraction=0.5, generator=draw)
    other = BINS.clone()
    other[0, halves.order[hidden]] = 1
    seen = torch.where(hidden, NO_VALUE, halves.of(BINS))
    expected = model(torch.where(hidden, 29, halves.input_ids), halves.mask, seen)[hidden]

    losses = [
        objective.loss(model, IDS, MASK, bins, generator=generator()) for bins in (BINS, other)
    ]

    assert not torch.equal(other, BINS)
    assert losses[0].tokens == losses[1].tokens
    torch.testing.assert_close(
        losses[0].tokens,
        torch.nn.functional.cross_entropy(model.logits(expected), halves.input_ids[hidden]),
    )
