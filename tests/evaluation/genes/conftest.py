"""A small atlas whose genes come in three groups, gene sets of two of them, and a trained model."""

import pytest
import torch

from genemamba.atlas.genes.tables import load_reference
from genemamba.tokens.gmt import read_gmt
from genemamba.training.atlas import pretrain_on_atlas
from tests.small_atlas import gene_ids, small_adata, small_view

CPU = torch.device("cpu")


@pytest.fixture(scope="session")
def atlas(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gene-atlas")
    return small_view(folder, one=small_adata(), two=small_adata(n_obs=60, seed=1))


@pytest.fixture(scope="session")
def checkpoint(atlas):
    """What three steps of the smallest preset gave."""
    return pretrain_on_atlas(atlas, preset="tiny", steps=3, seed=0, device=CPU)


@pytest.fixture(scope="session")
def gene_sets(tmp_path_factory):
    """The genes of B cells and those of T cells, by symbol."""
    symbols = [load_reference().symbols[gene] for gene in gene_ids()]
    lines = ["\t".join([name, "", *symbols[at : at + 20]]) for name, at in (("B", 0), ("T", 20))]
    path = tmp_path_factory.mktemp("gene-sets") / "types.gmt"
    path.write_text("\n".join(lines) + "\n")
    return read_gmt(path)
