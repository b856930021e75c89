"""The masked objective: what is hidden, what is halved, and what is scored."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from genemamba.nn.config import ModelConfig
from genemamba.nn.model import GeneMamba, build_model
from genemamba.nn.objectives.contrast import contrast_loss
from genemamba.nn.objectives.hiding import halve_cells, hidden_genes
from genemamba.nn.objectives.masked import Masked

MASK_TOKEN = 49
OBJECTIVE = Masked(mask_token=MASK_TOKEN, fraction=0.3, temperature=0.1)


@pytest.fixture(scope="module")
def model() -> GeneMamba:
    config = ModelConfig(vocab_size=50, d_model=16, n_layer=2, d_state=8, headdim=8, pre_norm=True)
    return build_model(config, seed=0, device=torch.device("cpu"))


@pytest.fixture(scope="module")
def input_ids() -> torch.Tensor:
    return torch.stack(
        [torch.randperm(46, generator=torch.Generator().manual_seed(i)) + 2 for i in (0, 1)]
    )


def padding_behind(*lengths: int) -> torch.Tensor:
    return torch.arange(46) < torch.tensor(lengths)[:, None]


def test_hidden_genes_are_exactly_the_fraction_and_never_padding():
    mask_BL = padding_behind(46, 14)

    hidden_BL = hidden_genes(mask_BL, fraction=0.15, generator=torch.Generator().manual_seed(0))

    assert int(hidden_BL.sum()) == 9
    assert not (hidden_BL & ~mask_BL).any()


def test_one_gene_at_least_is_hidden():
    mask_BL = padding_behind(2, 1)

    hidden_BL = hidden_genes(mask_BL, fraction=0.01, generator=torch.Generator().manual_seed(0))

    assert int(hidden_BL.sum()) == 1


def test_every_gene_is_hidden_about_equally_often():
    generator = torch.Generator().manual_seed(0)
    mask_BL = padding_behind(46, 20)

    times_BL = sum(
        hidden_genes(mask_BL, fraction=0.5, generator=generator).int() for _ in range(2000)
    )

    # Binomial(2000, 0.5): five standard deviations are 112.
    assert ((times_BL[mask_BL] - 1000).abs() < 112).all()
    assert (times_BL[~mask_BL] == 0).all()


def test_every_gene_goes_to_one_half_in_its_old_order(input_ids):
    mask_BL = padding_behind(46, 14)

    halves = halve_cells(input_ids, mask_BL, generator=torch.Generator().manual_seed(0))

    for row in (0, 1):
        genes = input_ids[row, mask_BL[row]].tolist()
        first, second = (
            halves.input_ids[half, halves.mask[half]].tolist() for half in (row, row + 2)
        )
        assert sorted(first + second) == sorted(genes)
        assert [gene for gene in genes if gene in first] == first
        assert [gene for gene in genes if gene in second] == second
    assert halves.mask.sum(dim=1).max() == halves.mask.shape[1]
    assert (halves.mask.int().diff(dim=1) <= 0).all()


def test_naming_loss_equals_cross_entropy_over_all_logits(model, input_ids):
    mask_BL = padding_behind(46, 30)
    generator = torch.Generator().manual_seed(4)
    halves = halve_cells(input_ids, mask_BL, generator=generator)
    hidden_BL = hidden_genes(halves.mask, fraction=0.3, generator=generator)
    seen_BL = torch.where(hidden_BL, MASK_TOKEN, halves.input_ids)
    targets_BL = torch.where(hidden_BL, halves.input_ids, -100)
    logits_BLV = model.lm_head(model(seen_BL, halves.mask))
    expected = functional.cross_entropy(logits_BLV.flatten(0, 1), targets_BL.flatten())

    found = OBJECTIVE.loss(model, input_ids, mask_BL, generator=torch.Generator().manual_seed(4))

    torch.testing.assert_close(found.tokens, expected)


def test_contrast_loss_equals_its_definition():
    generator = torch.Generator().manual_seed(0)
    first, second = (torch.randn(5, 7, generator=generator, dtype=torch.float64) for _ in range(2))
    mean = np.concatenate([first, second]).mean(axis=0)
    a, b = (m.numpy() - mean for m in (first, second))
    a, b = (m / np.linalg.norm(m, axis=1, keepdims=True) for m in (a, b))
    score = np.exp(a @ b.T / 0.2)
    expected = -np.mean([np.log(np.diag(score) / score.sum(axis=axis)) for axis in (0, 1)])

    assert contrast_loss(first, second, temperature=0.2).item() == pytest.approx(expected)


def test_contrast_loss_of_fitting_halves_is_near_zero():
    embedding = torch.eye(6)

    assert contrast_loss(embedding, embedding, temperature=0.05).item() < 1e-6
    assert contrast_loss(embedding, embedding.roll(1, 0), temperature=0.05).item() > 10


def test_gradient_reaches_every_weight(model, input_ids):
    losses = OBJECTIVE.loss(
        model, input_ids, padding_behind(46, 30), generator=torch.Generator().manual_seed(4)
    )

    losses.total(contrast_weight=1.0, pathway_weight=0.0).backward()

    assert {name for name, w in model.named_parameters() if not w.grad.abs().max() > 0} == set()
