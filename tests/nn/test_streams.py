"""Two readings of a cell that never meet, however many layers there are."""

import pytest
import torch

from genemamba.nn.config import ModelConfig
from genemamba.nn.model import GeneMamba, build_model
from genemamba.nn.streams import read_streams

LENGTHS = (12, 7, 1)


def make_model(**changes) -> GeneMamba:
    config = ModelConfig(
        vocab_size=30, d_model=16, n_layer=3, d_state=8, headdim=8, chunk_size=4,
        fuse_every_layer=False, **changes,
    )  # fmt: skip
    model = build_model(config, seed=1, device=torch.device("cpu")).requires_grad_(False)
    model.embeddings.weight.mul_(50)
    return model


@pytest.fixture(scope="module", params=[False, True], ids=["no norm", "pre-norm"])
def model(request) -> GeneMamba:
    return make_model(pre_norm=request.param)


@pytest.fixture(scope="module")
def input_ids() -> torch.Tensor:
    return torch.randint(2, 30, (3, 12), generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def mask() -> torch.Tensor:
    return torch.arange(12) < torch.tensor(LENGTHS)[:, None]


def streams_of(model, input_ids, mask):
    return read_streams(model.mamba_mixer.layers, model.embed(input_ids), mask)


def one_way(model, h_BLD):
    """Run all layers over one direction, as a causal language model does."""
    for layer in model.mamba_mixer.layers:
        h_BLD = h_BLD + layer.mamba(h_BLD if layer.norm is None else layer.norm(h_BLD))
    return h_BLD


def test_each_stream_is_a_causal_model_over_the_cell_alone(model, input_ids, mask):
    streams = streams_of(model, input_ids, mask)

    for row, length in enumerate(LENGTHS):
        h_BLD = model.embeddings(input_ids[row : row + 1, :length])
        forward, backward = one_way(model, h_BLD), one_way(model, h_BLD.flip(1)).flip(1)
        torch.testing.assert_close(streams.forward[row, :length], forward[0], atol=1e-5, rtol=0)
        torch.testing.assert_close(streams.backward[row, :length], backward[0], atol=1e-5, rtol=0)


@pytest.mark.parametrize("changed", [0, 4, 11], ids=["first", "middle", "last"])
def test_a_changed_gene_reaches_the_forward_stream_behind_it_and_the_backward_one_before_it(
    model, input_ids, changed
):
    whole = torch.ones(1, 12, dtype=torch.bool)
    before = streams_of(model, input_ids[:1], whole)
    other = input_ids[:1].clone()
    other[0, changed] = 31 - other[0, changed]

    after = streams_of(model, other, whole)

    moved_forward, moved_backward = (
        (new - old).abs().amax(dim=-1)[0] > 0 for new, old in zip(after, before, strict=True)
    )
    assert moved_forward.tolist() == [place >= changed for place in range(12)]
    assert moved_backward.tolist() == [place <= changed for place in range(12)]


@pytest.mark.parametrize(
    ("fusion", "fuse"),
    [("mean", lambda f, b: (f + b) / 2), ("sum", lambda f, b: f + b)],
    ids=["mean", "sum"],
)
def test_the_model_fuses_the_streams_behind_the_last_layer(input_ids, mask, fusion, fuse):
    model = make_model(fusion=fusion)
    expected = torch.nn.functional.rms_norm(
        fuse(*streams_of(model, input_ids, mask)), (16,), eps=1e-5
    )

    found = model(input_ids, mask)

    torch.testing.assert_close(found[mask], expected[mask])


def test_padding_does_not_reach_the_genes(model, input_ids, mask):
    wide_ids = torch.nn.functional.pad(input_ids, (0, 9), value=1)
    wide_mask = torch.nn.functional.pad(mask, (0, 9))

    found = model(wide_ids, wide_mask)[:, :12]

    torch.testing.assert_close(found[mask], model(input_ids, mask)[mask], atol=1e-5, rtol=0)
