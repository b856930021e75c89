"""The whole model: names, sizes, invariances, fresh weights."""

import dataclasses

import pytest
import torch
from torch import Tensor

from genemamba.errors import ModelError
from genemamba.nn.config import ModelConfig
from genemamba.nn.model import GeneMamba, build_model
from genemamba.nn.pooling import mean_pool

CPU = torch.device("cpu")
CONFIG = ModelConfig(vocab_size=60, d_model=32, n_layer=3, d_state=16, headdim=16, pre_norm=True)


def count_parameters(**values) -> int:
    with torch.device("meta"):
        model = GeneMamba(ModelConfig(**values))
    return sum(weight.numel() for weight in model.parameters())


def embed(model: GeneMamba, cells: list[list[int]], *, pad_to: int = 0) -> Tensor:
    width = max(pad_to, *map(len, cells))
    input_ids_BL = torch.tensor([cell + [1] * (width - len(cell)) for cell in cells])
    mask_BL = torch.tensor([[True] * len(cell) + [False] * (width - len(cell)) for cell in cells])
    with torch.inference_mode():
        return mean_pool(model(input_ids_BL, mask_BL), mask_BL)


@pytest.fixture(scope="module")
def model() -> GeneMamba:
    model = build_model(CONFIG, seed=0, device=CPU)
    with torch.no_grad():
        model.embeddings.weight.mul_(50)
    return model


@pytest.fixture(scope="module")
def cells() -> list[list[int]]:
    generator = torch.Generator().manual_seed(5)
    return [
        torch.randint(2, 59, (length,), generator=generator).tolist()
        for length in (1, 3, 40, 64, 65, 130)
    ]


@pytest.mark.parametrize(
    ("fusion", "expected"),
    [("mean", 65_744_338), ("sum", 65_744_338), ("gate", 66_269_138), ("concat", 66_269_138)],
    ids=["mean", "sum", "gate", "concat"],
)
def test_published_size_has_the_published_number_of_parameters(fusion, expected):
    assert count_parameters(vocab_size=25_426, d_model=512, n_layer=24, fusion=fusion) == expected


def test_published_size_has_the_published_weight_names():
    with torch.device("meta"):
        shapes = {
            name: tuple(weight.shape)
            for name, weight in GeneMamba(ModelConfig(vocab_size=25_426, d_model=512, n_layer=24))
            .state_dict()
            .items()
        }

    expected = {
        "embeddings.weight": (25_426, 512),
        "norm_f.weight": (512,),
        "lm_head.weight": (25_426, 512),
        "lm_head.bias": (25_426,),
    }
    for layer in range(24):
        expected |= {
            f"mamba_mixer.layers.{layer}.mamba.{name}": shape
            for name, shape in {
                "dt_bias": (16,),
                "A_log": (16,),
                "D": (16,),
                "in_proj.weight": (2192, 512),
                "conv1d.weight": (1152, 1, 4),
                "conv1d.bias": (1152,),
                "norm.weight": (1024,),
                "out_proj.weight": (512, 1024),
            }.items()
        }
    assert shapes == expected


def test_options_add_their_weights_and_no_others():
    plain = ModelConfig(vocab_size=10, d_model=16, n_layer=2, headdim=16, fusion="mean")
    rich = ModelConfig(
        vocab_size=10, d_model=16, n_layer=2, headdim=16, fusion="gate", pre_norm=True
    )

    added = set(GeneMamba(rich).state_dict()) - set(GeneMamba(plain).state_dict())

    assert added == {
        "mamba_mixer.aggr.weight",
        "mamba_mixer.aggr.bias",
        "mamba_mixer.layers.0.norm.weight",
        "mamba_mixer.layers.1.norm.weight",
    }


def test_embedding_does_not_depend_on_the_other_cells(model, cells):
    together = embed(model, cells)

    alone = torch.cat([embed(model, [cell]) for cell in cells])

    torch.testing.assert_close(together, alone, rtol=0, atol=1e-5)


def test_embedding_does_not_depend_on_the_padding(model, cells):
    torch.testing.assert_close(
        embed(model, cells), embed(model, cells, pad_to=300), rtol=0, atol=1e-5
    )


def test_permuting_cells_permutes_embeddings(model, cells):
    torch.testing.assert_close(
        embed(model, cells[::-1]), embed(model, cells).flip(0), rtol=0, atol=1e-5
    )


def test_every_gene_is_read_in_both_directions(model):
    genes = list(range(2, 42))
    input_ids_BL = torch.tensor([genes, genes])
    input_ids_BL[1, 20] = 55

    with torch.inference_mode():
        h_BLD = model(input_ids_BL, torch.ones(2, 40, dtype=torch.bool))

    moved = (h_BLD[0] - h_BLD[1]).abs().amax(dim=1)
    assert (moved > 1e-6).all()


def test_cell_without_a_gene_embeds_to_zero(model):
    input_ids_BL = torch.tensor([[5, 6, 7], [1, 1, 1]])
    mask_BL = torch.tensor([[True] * 3, [False] * 3])

    with torch.inference_mode():
        embedding = mean_pool(model(input_ids_BL, mask_BL), mask_BL)

    assert torch.equal(embedding[1], torch.zeros(32))
    assert embedding[0].abs().max() > 0.1


def test_fresh_weights_depend_on_the_seed_alone():
    torch.manual_seed(123)
    state = torch.random.get_rng_state()
    first = build_model(CONFIG, seed=7, device=CPU).state_dict()
    assert torch.equal(torch.random.get_rng_state(), state)
    torch.manual_seed(99)
    again = build_model(CONFIG, seed=7, device=CPU).state_dict()
    other = build_model(CONFIG, seed=8, device=CPU).state_dict()

    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["embeddings.weight"], other["embeddings.weight"])


def test_fresh_recurrence_lies_in_the_published_ranges():
    mixer = build_model(CONFIG, seed=0, device=CPU).mamba_mixer.layers[0].mamba

    dt_H = torch.nn.functional.softplus(mixer.dt_bias)
    assert ((dt_H > 0.99e-3) & (dt_H < 0.101)).all()
    assert ((mixer.A_log.exp() >= 1) & (mixer.A_log.exp() <= 16)).all()
    assert torch.equal(mixer.D, torch.ones(4))


def test_tied_embeddings_are_one_weight():
    config = ModelConfig(vocab_size=60, d_model=32, n_layer=1, headdim=16, tie_embeddings=True)

    model = build_model(config, seed=0, device=CPU)

    assert model.lm_head.weight is model.embeddings.weight


def test_upstream_padding_reads_padding_tokens_as_genes():
    config = dataclasses.replace(CONFIG, padding="upstream", row_seqlen=30)
    upstream = build_model(config, seed=0, device=CPU)
    aware = build_model(CONFIG, seed=0, device=CPU)
    input_ids_BL = torch.tensor([[*range(2, 20), *[1] * 12]])

    with torch.inference_mode():
        found = upstream(input_ids_BL, input_ids_BL != 1)
        as_genes = aware(input_ids_BL, torch.ones_like(input_ids_BL, dtype=torch.bool))
        without = aware(input_ids_BL, input_ids_BL != 1)

    assert torch.equal(found, as_genes)
    assert (found - without)[:, :18].abs().max() > 1e-4


def test_rows_of_another_width_are_refused_where_padding_is_read():
    config = dataclasses.replace(CONFIG, padding="upstream", row_seqlen=30)
    model = build_model(config, seed=0, device=CPU)

    with pytest.raises(ModelError, match=r"filled up to 30 tokens .*, found rows of 29"):
        model(torch.full((1, 29), 5), torch.ones(1, 29, dtype=torch.bool))
