"""``genemamba embed`` as a user runs it."""

import sys
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from tests.small_home import small_home
from tests.support import genemamba

EMBED = (sys.executable, "-c", "from flows.commands import embed; embed()")


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return small_home(tmp_path_factory.mktemp("small"))


def test_cells_and_genes_are_embedded_and_copied_to_where_they_are_wanted(small, tmp_path):
    out, genes = tmp_path / "cells.zarr", tmp_path / "genes.tsv.gz"

    done = genemamba(
        Path(small.workspace.home), "--atlas", "small", "--model", "small-tiny@1",
        "--out", out, "--genes", genes, "--gene-states", "cells", "--json", command=EMBED,
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (0, "")
    document = done.document
    assert document["delivered"] == {"embed": str(out), "embed-genes": str(genes)}
    assert document["embedding_store"] == small.embedding.artifact.uri
    found = {stage["stage"]: stage["reused"] for stage in document["stages"]}
    assert found == {"compose": True, "pretrain": True, "embed": True, "embed-genes": False}
    copy, original = ad.read_zarr(out), ad.read_zarr(small.embedding.artifact.uri)
    np.testing.assert_array_equal(copy.obsm["X_genemamba"], original.obsm["X_genemamba"])
    table = pd.read_csv(genes, sep="\t", index_col="ensembl_id")
    assert table.shape == (60, 34)
    assert table["n_cells"].sum() == original.obs["n_tokens"].sum()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cells.zarr", "genes.tsv.gz"]
