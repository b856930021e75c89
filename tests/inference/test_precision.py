"""Half the bytes change an embedding by less than a hundredth, and only where that is faster."""

import numpy as np
import pytest
import torch

from genemamba.errors import ModelError
from genemamba.inference.embedding import embed_cells
from genemamba.inference.encoder import open_encoder
from genemamba.nn.backends.names import multiplies_bfloat16
from genemamba.tokens.rank import rank_tokens

CPU = torch.device("cpu")
needs_bf16 = pytest.mark.skipif(
    not multiplies_bfloat16(CPU), reason="this CPU has no instructions for bf16"
)


@pytest.fixture(scope="module")
def tokens(atlas, checkpoint):
    return rank_tokens(atlas.counts(), checkpoint.vocabulary, atlas.gene_ids, seqlen=128)


@needs_bf16
def test_bf16_embeds_as_fp32_but_for_a_hundredth(checkpoint, tokens):
    exact, half = (
        embed_cells(checkpoint.model, tokens, device=CPU, precision=precision)
        for precision in ("fp32", "bf16")
    )

    assert half.dtype == np.float32
    assert not np.array_equal(half, exact)
    error = np.linalg.norm(half - exact, axis=1) / np.linalg.norm(exact, axis=1)
    assert error.max() < 0.02
    # Cells keep their distances: the error is small beside what tells cells apart.
    centred = exact - exact.mean(axis=0)
    assert np.square(half - exact).sum() < 1e-3 * np.square(centred).sum()


def test_bf16_is_refused_where_it_would_only_be_imitated(checkpoint, monkeypatch):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)

    with pytest.raises(ModelError, match=r"multiplies in bf16, found 'cpu' without .*Use precis"):
        open_encoder(checkpoint.model, device=CPU, precision="bf16")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param({"precision": "int4"}, "a precision of fp32, bf16, found 'int4'", id="format"),
        pytest.param({"backend": "abacus"}, "a backend of auto, .*, found 'abacus'", id="backend"),
    ],
)
def test_what_is_unknown_is_refused_with_what_is_known(checkpoint, options, message):
    with pytest.raises(ModelError, match=message):
        open_encoder(checkpoint.model, device=CPU, **options)


def test_a_model_is_evaluated_and_left_as_it_is(checkpoint):
    model = checkpoint.model.train()

    ready = open_encoder(model, device=CPU)

    assert model.training
    assert not ready.forward.model.training
