"""Genes have the vectors that the model looks up, and those that it makes of them in cells."""

import numpy as np
import pandas as pd
import pytest
import torch

from genemamba.atlas.genes.tables import load_reference
from genemamba.inference import gene_embeddings as module
from genemamba.inference.gene_embeddings import (
    contextual_gene_embeddings,
    gene_embeddings,
    write_gene_embeddings,
)
from genemamba.tokens.rank import rank_tokens

CPU = torch.device("cpu")
WIDTH = 32


def test_a_gene_has_the_row_of_its_token_and_its_symbol(checkpoint):
    table = gene_embeddings(checkpoint)

    weight = checkpoint.model.embeddings.weight.detach().numpy()
    assert table.index.tolist() == list(checkpoint.vocabulary.gene_ids)
    assert table.columns.tolist() == ["feature_name", *(f"d{i}" for i in range(WIDTH))]
    np.testing.assert_array_equal(table.filter(regex="^d").to_numpy(), weight[2:62])
    assert table["feature_name"].tolist() == [load_reference().symbols[g] for g in table.index]


@pytest.mark.parametrize("cells_at_once", [7, 4096], ids=["seven cells at once", "all at once"])
def test_a_gene_in_cells_has_the_mean_of_its_states_in_each_cell_alone(
    atlas, checkpoint, monkeypatch, cells_at_once
):
    monkeypatch.setattr(module, "CELLS_PER_SHARD", cells_at_once)
    tokens = rank_tokens(atlas.counts(), checkpoint.vocabulary, atlas.gene_ids, seqlen=20)
    states: dict[int, list[np.ndarray]] = {}
    for row in range(tokens.n_obs):
        cell = torch.from_numpy(tokens.cell(row)).unsqueeze(0)
        with torch.inference_mode():
            h_LD = checkpoint.model(cell, torch.ones_like(cell, dtype=torch.bool))[0].numpy()
        for token, state in zip(cell[0].tolist(), h_LD, strict=True):
            states.setdefault(token, []).append(state)

    table = contextual_gene_embeddings(atlas, checkpoint, device=CPU, seqlen=20)

    genes = checkpoint.vocabulary.gene_ids
    assert table.index.tolist() == [genes[token - 2] for token in sorted(states)]
    assert table["n_cells"].tolist() == [len(states[token]) for token in sorted(states)]
    expected = np.array([np.mean(states[token], axis=0) for token in sorted(states)])
    np.testing.assert_allclose(table.filter(regex="^d").to_numpy(), expected, rtol=0, atol=1e-5)


def test_a_written_table_is_read_as_it_was_and_has_the_same_bytes_again(checkpoint, tmp_path):
    table = gene_embeddings(checkpoint)

    for name in ("one.tsv.gz", "two.tsv.gz"):
        write_gene_embeddings(table, tmp_path / name)

    found = pd.read_csv(tmp_path / "one.tsv.gz", sep="\t", index_col="ensembl_id")
    numbers = found.filter(regex="^d").to_numpy(dtype=np.float32)
    np.testing.assert_array_equal(numbers, table.filter(regex="^d").to_numpy())
    assert found["feature_name"].tolist() == table["feature_name"].tolist()
    assert (tmp_path / "one.tsv.gz").read_bytes() == (tmp_path / "two.tsv.gz").read_bytes()
