"""A published model labels an atlas like one that was trained here."""

import anndata as ad
import numpy as np
import pytest
import torch

from genemamba import keys
from genemamba.training.published.importing import ImportOptions
from tasks.annotation import annotate_version
from tasks.embedding import embed_version
from tasks.model import find_model
from tasks.published import import_model
from tests.published_files import median, published_states, published_tensors, write_published
from tests.small_atlas import gene_ids
from tests.small_home import small_home


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return small_home(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def tensors():
    return published_tensors(n_layer=2, n_tokens=62)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, tensors):
    """A checkpoint that knows the genes of the small atlas."""
    place = tmp_path_factory.mktemp("published") / "gm"
    return write_published(place, tensors, genes=sorted(gene_ids()))


def published_tokens(adata: ad.AnnData, genes: list[str], *, seqlen: int) -> torch.Tensor:
    """Order each cell's genes by count over median, as Geneformer's tokenizer does, and pad."""
    X = adata[:, genes].X.toarray()
    medians = np.array([median(token) for token in range(2, 2 + len(genes))])
    values = X / X.sum(axis=1, keepdims=True) * 10_000 / medians
    rows = []
    for cell in values:
        order = np.argsort(-cell, kind="stable")[: int((cell > 0).sum())][:seqlen]
        rows.append([*(order + 2), *[1] * (seqlen - len(order))])
    return torch.tensor(rows)


@pytest.mark.parametrize("padding", ["upstream", "aware"])
def test_embedding_of_an_atlas_is_that_of_the_published_model(padding, small, folder, tensors):
    options = ImportOptions(padding=padding, seqlen=64)
    model = import_model(small.workspace, folder, options, name=f"gm-{padding}")

    embedded = embed_version.fn(small.workspace, small.version, model, device="cpu")
    annotation = annotate_version.fn(
        small.workspace, small.version, model, embedded, threshold=0.5, seed=0
    )

    found = ad.read_zarr(annotation.artifact.uri)
    deposit = ad.read_h5ad(small.deposit)
    tokens = published_tokens(deposit, sorted(gene_ids()), seqlen=64)
    if padding == "upstream":
        expected = published_states(tensors, tokens, fusion="mean").mean(dim=1)
    else:
        cells = [row[row != 1][None] for row in tokens]
        expected = torch.cat([published_states(tensors, c, fusion="mean").mean(1) for c in cells])
    embedding = torch.from_numpy(np.asarray(found.obsm[keys.X_GENEMAMBA]))
    torch.testing.assert_close(embedding, expected, rtol=1e-4, atol=5e-5)
    accuracy = (found.obs[keys.CELL_TYPE_PRED] == found.obs[keys.CELL_TYPE]).mean()
    assert accuracy > 0.5


def test_imported_model_is_found_by_its_name(small, folder):
    model = import_model(small.workspace, folder, ImportOptions(), name="named")

    found = find_model(small.workspace, "named@1")

    assert (found.label, found.artifact.digest) == ("named@1", model.artifact.digest)
