"""An imported model computes what the published one does."""

import pytest
import torch

from genemamba.inference.embedding import embed_cells
from genemamba.nn.config import FUSIONS
from genemamba.tokens.token_set import TokenSet
from tests.published_files import (
    published_logits,
    published_states,
    published_tensors,
    recurrent_states,
    write_published,
)

SEQLEN = 40
LENGTHS = (40, 23, 5)


def padded_cells() -> torch.Tensor:
    """Rows of published tokens, filled up with the published padding token."""
    generator = torch.Generator().manual_seed(3)
    input_ids_BL = torch.randint(2, 22, (len(LENGTHS), SEQLEN), generator=generator)
    return input_ids_BL.masked_fill(torch.arange(SEQLEN) >= torch.tensor(LENGTHS)[:, None], 1)


@pytest.mark.parametrize("fusion", FUSIONS)
def test_states_and_logits_equal_those_of_the_published_composition(fusion, read, tmp_path):
    tensors = published_tensors(n_layer=3, fusion=fusion)
    folder = write_published(tmp_path / "gm", tensors, fusion=fusion)
    input_ids_BL = padded_cells()

    model = read(folder, seqlen=SEQLEN).checkpoint.model
    with torch.inference_mode():
        h_BLD = model(input_ids_BL, input_ids_BL != 1)
        logits_BLV = model.logits(h_BLD)
        expected_BLD = published_states(tensors, input_ids_BL, fusion=fusion)
        expected_BLV = published_logits(tensors, expected_BLD)

    torch.testing.assert_close(h_BLD, expected_BLD, rtol=1e-4, atol=2e-5)
    torch.testing.assert_close(logits_BLV, expected_BLV, rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize("fusion", FUSIONS)
def test_states_equal_those_of_the_recurrence_in_double_precision(fusion, read, tmp_path):
    tensors = published_tensors(n_layer=3, fusion=fusion)
    folder = write_published(tmp_path / "gm", tensors, fusion=fusion)
    input_ids_BL = padded_cells()[1:2]

    model = read(folder, seqlen=SEQLEN).checkpoint.model.double()
    with torch.inference_mode():
        h_BLD = model(input_ids_BL, input_ids_BL != 1)

    expected_LD = recurrent_states(tensors, input_ids_BL[0], fusion=fusion)
    torch.testing.assert_close(h_BLD[0], expected_LD, rtol=1e-9, atol=1e-10)


def test_embedding_is_the_mean_over_genes_and_padding_as_published(read, tmp_path):
    tensors = published_tensors(n_layer=2)
    input_ids_BL = padded_cells()
    cells = [row[row != 1].numpy().astype("int32") for row in input_ids_BL]

    model = read(write_published(tmp_path / "gm", tensors), seqlen=SEQLEN).checkpoint.model
    found = embed_cells(model, TokenSet.from_cells(cells), device=torch.device("cpu"))

    expected = published_states(tensors, input_ids_BL, fusion="mean").mean(dim=1)
    torch.testing.assert_close(torch.from_numpy(found), expected, rtol=1e-4, atol=2e-5)


def test_aware_padding_embeds_a_cell_as_the_published_model_does_without_padding(read, tmp_path):
    tensors = published_tensors(n_layer=2)
    input_ids_BL = padded_cells()
    cells = [row[row != 1] for row in input_ids_BL]

    folder = write_published(tmp_path / "gm", tensors)
    model = read(folder, seqlen=SEQLEN, padding="aware").checkpoint.model
    found = embed_cells(
        model,
        TokenSet.from_cells([cell.numpy().astype("int32") for cell in cells]),
        device=torch.device("cpu"),
    )

    alone = [published_states(tensors, cell[None], fusion="mean").mean(dim=1) for cell in cells]
    torch.testing.assert_close(torch.from_numpy(found), torch.cat(alone), rtol=1e-4, atol=2e-5)


def test_upstream_embedding_depends_on_the_padding_and_aware_does_not(read, tmp_path):
    folder = write_published(tmp_path / "gm", published_tensors(n_layer=2))
    cells = TokenSet.from_cells([torch.arange(2, 12).numpy().astype("int32")])

    def embed(**options):
        model = read(folder, **options).checkpoint.model
        return torch.from_numpy(embed_cells(model, cells, device=torch.device("cpu")))

    apart = embed(seqlen=40) - embed(seqlen=80)
    assert apart.abs().max() > 0.1
    assert torch.equal(embed(seqlen=40, padding="aware"), embed(seqlen=80, padding="aware"))
