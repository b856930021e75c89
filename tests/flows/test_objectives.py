"""Objectives, gene sets and value tokens on the command line, from a deposit to its labels."""

import anndata as ad
import numpy as np
import pytest

from genemamba.tokens.gmt import read_gmt
from genemamba.training.checkpoint import load_checkpoint
from tests.small_atlas import gene_ids, small_adata
from tests.support import genemamba


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("objectives")
    small_adata(n_obs=60).write_h5ad(folder / "study.h5ad")
    done = genemamba(
        folder / "home", "ingest", folder / "study.h5ad", "--atlas", "small",
        "--label-key", "cell_type", "--batch-key", "batch",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder / "home"


@pytest.fixture(scope="module")
def gene_sets(home):
    path = home.parent / "types.gmt"
    path.write_text("\n".join("\t".join([f"s{i}", "", *gene_ids()[i::3]]) for i in range(3)))
    return path


def test_a_causal_model_with_gene_sets_and_values_labels_every_cell(home, gene_sets):
    done = genemamba(
        home, "pretrain", "--atlas", "small", "--preset", "tiny", "--steps", "3", "--json",
        "--objective", "next_token_causal", "--gene-sets", gene_sets, "--gene-set-weight", "0.3",
        "--value-tokens",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (stage,) = [s for s in done.document["stages"] if s["stage"] == "pretrain"]

    labelled = genemamba(home, "annotate", "--atlas", "small", "--json")

    assert labelled.returncode == 0, labelled.stderr
    checkpoint = load_checkpoint(home / "models" / stage["uri"].rpartition("/")[2])
    config = checkpoint.training_config
    assert (config.objective, config.gene_set_weight) == ("next_token_causal", 0.3)
    assert config.gene_sets == done.document["model"]["gene_sets"] == read_gmt(gene_sets).digest
    assert checkpoint.model_config.value_bins == done.document["model"]["value_bins"] == 50
    adata = ad.read_zarr(labelled.document["annotation_store"])
    assert np.isfinite(adata.obsm["X_genemamba"]).all()
    assert adata.n_obs == 60
