"""A published checkpoint from its import to an annotation and back, as a user does it."""

import anndata as ad
import pytest
import safetensors.torch
import torch

from genemamba import keys
from tests.published_files import published_tensors, write_published
from tests.small_atlas import gene_ids, small_adata
from tests.support import genemamba


@pytest.fixture(scope="module")
def tensors():
    return published_tensors(n_layer=2, n_tokens=62)


@pytest.fixture(scope="module")
def home(tmp_path_factory, tensors):
    """A home with a small atlas and an imported model."""
    place = tmp_path_factory.mktemp("published")
    home, deposit = place / "home", place / "study.h5ad"
    small_adata(n_obs=90).write_h5ad(deposit)
    write_published(place / "gm", tensors, genes=sorted(gene_ids()))
    keys_of_deposit = ("--batch-key", "batch", "--label-key", "cell_type")
    for arguments in (
        ("ingest", deposit, "--atlas", "small", *keys_of_deposit),
        ("model", "import", place / "gm", "--seqlen", "64"),
    ):
        done = genemamba(home, *arguments)
        assert done.returncode == 0, done.stderr
    return home


def test_imported_model_annotates_and_comes_back(home, tensors, tmp_path):
    annotated = genemamba(
        home, "annotate", "--atlas", "small", "--model", "gm@1", "--json"
    ).document
    exported = genemamba(home, "model", "export", "gm", tmp_path / "out", "--json").document
    listed = genemamba(home, "model", "list").stdout.splitlines()

    found = ad.read_zarr(annotated["annotation_store"])
    assert found.obsm[keys.X_GENEMAMBA].shape == (90, 64)
    assert (found.obs[keys.CELL_TYPE_PRED] == found.obs[keys.CELL_TYPE]).mean() > 0.5
    assert listed[1].split()[:2] == ["gm@1", "-"]
    assert exported["n_tensors"] == len(tensors)
    back = safetensors.torch.load_file(tmp_path / "out" / "model.safetensors")
    assert all(torch.equal(back[name], tensor) for name, tensor in tensors.items())
