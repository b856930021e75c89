"""``genemamba.embed`` gives an AnnData what an atlas of its cells would hold, or says what is wrong."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import torch
from scipy.sparse import csc_matrix

import genemamba
from genemamba.atlas.genes.tables import load_reference
from genemamba.errors import CountsError, GenesError, ModelError, SchemaError
from genemamba.inference import anndata_counts
from genemamba.inference.atlas_embedding import embed_atlas
from genemamba.inference.embedded_cells import EmbeddedCells
from genemamba.nn.model import build_model
from genemamba.storage import tree_manifest
from genemamba.tokens.vocabulary import Vocabulary
from genemamba.training.checkpoint import save_checkpoint
from tests.small_atlas import small_adata, small_view

CPU = torch.device("cpu")


@pytest.fixture
def adata():
    return small_adata(n_obs=40, seed=5)


@pytest.fixture(scope="module")
def expected(checkpoint, tmp_path_factory):
    """The embedding that an atlas of the same cells holds."""
    folder = tmp_path_factory.mktemp("ingested")
    view = small_view(folder, study=small_adata(n_obs=40, seed=5))
    embed_atlas(view, checkpoint, str(folder / "embedding.zarr"), device=CPU)
    return EmbeddedCells.open(str(folder / "embedding.zarr")).read()


def symbols_in_names(adata):
    symbols = load_reference().symbols
    adata.var_names = [symbols[gene] for gene in adata.var_names]
    return adata


def ids_in_a_column(adata):
    adata.var["gene_ids"] = [f"{gene}.3" for gene in adata.var_names]
    adata.var_names = [f"gene {i}" for i in range(adata.n_vars)]
    return adata


def in_a_layer(adata):
    adata.layers["umis"] = adata.X.copy()
    adata.X = np.log1p(adata.X.toarray())
    return adata


def in_raw(adata):
    adata.raw = adata.copy()
    adata.X = np.log1p(adata.X.toarray())
    return adata


def dense(adata):
    adata.X = adata.X.toarray().astype(np.int64)
    return adata


def by_gene(adata):
    adata.X = csc_matrix(adata.X)
    return adata


def genes_turned_round(adata):
    return adata[:, ::-1].copy()


def beside_proteins(adata):
    proteins = ad.AnnData(np.full((adata.n_obs, 1), 900.0, dtype=np.float32))
    proteins.var_names, proteins.obs_names = ["CD3_protein"], adata.obs_names
    both = ad.concat([proteins, adata], axis="var")
    both.var["feature_types"] = ["Antibody Capture"] + ["Gene Expression"] * adata.n_vars
    return both


@pytest.mark.parametrize(
    ("shape", "layer"),
    [
        pytest.param(lambda adata: adata, None, id="as it is"),
        pytest.param(symbols_in_names, None, id="symbols"),
        pytest.param(ids_in_a_column, None, id="ids with versions in var"),
        pytest.param(in_a_layer, "umis", id="layer"),
        pytest.param(in_raw, "raw", id="raw"),
        pytest.param(dense, None, id="dense integers"),
        pytest.param(by_gene, None, id="stored by gene"),
        pytest.param(genes_turned_round, None, id="other order of genes"),
        pytest.param(beside_proteins, None, id="proteins beside"),
    ],
)
def test_the_embedding_is_that_of_an_atlas_of_these_cells(
    adata, checkpoint, expected, shape, layer, monkeypatch
):
    monkeypatch.setattr(anndata_counts, "VALUES_AT_ONCE", 60 * 13)  # blocks of 13 cells
    adata = shape(adata)

    assert genemamba.embed(adata, checkpoint, layer=layer) is None

    np.testing.assert_allclose(adata.obsm["X_genemamba"], expected, rtol=0, atol=1e-5)
    assert adata.obsm["X_genemamba"].dtype == np.float32


def test_a_file_that_is_not_loaded_is_embedded_alike(adata, checkpoint, expected, tmp_path):
    adata.write_h5ad(tmp_path / "cells.h5ad")
    backed = ad.read_h5ad(tmp_path / "cells.h5ad", backed="r")

    genemamba.embed(backed, checkpoint)

    np.testing.assert_allclose(backed.obsm["X_genemamba"], expected, rtol=0, atol=1e-5)
    backed.file.close()


def test_counts_with_the_noise_of_float32_are_counts_and_stay_as_they_are(
    adata, checkpoint, expected
):
    adata.X = adata.X * np.float32(1 + 1e-6)
    before = adata.X.toarray()

    genemamba.embed(adata, checkpoint)

    assert (before != np.rint(before)).any()
    np.testing.assert_array_equal(adata.X.toarray(), before)
    np.testing.assert_allclose(adata.obsm["X_genemamba"], expected, rtol=0, atol=1e-5)


def test_what_made_the_embedding_is_kept_with_it_and_can_be_written(adata, checkpoint, tmp_path):
    save_checkpoint(tmp_path / "model", checkpoint)
    lost = int(adata.X[:, :6].sum())
    adata.var_names = [*(f"ERCC-0000{i}" for i in range(6)), *adata.var_names[6:]]
    adata.uns["genemamba"] = {"run": "r1"}

    genemamba.embed(adata, tmp_path / "model", key_added="X_tiny", seqlen=9)

    adata.write_h5ad(tmp_path / "embedded.h5ad")
    found = ad.read_h5ad(tmp_path / "embedded.h5ad").uns["genemamba"]
    facts = found["X_tiny"]
    assert found["run"] == "r1"
    assert facts["model"] == tree_manifest(str(tmp_path / "model")).digest
    assert (facts["seed"], facts["seqlen"], facts["layer"]) == (0, 9, "adata.X")
    assert (facts["genes"], facts["genes_mapped"], facts["genes_matched"]) == (60, 54, 54)
    assert (facts["umis"], facts["umis_lost"]) == (adata.X.sum(), lost)
    assert facts["share_umis_lost"] == pytest.approx(lost / adata.X.sum())
    assert facts["cells_at_seqlen"] == (adata.X[:, 6:].getnnz(axis=1) >= 9).sum()
    assert facts["versions"]["genemamba"] == genemamba.__version__


def test_a_checkpoint_in_memory_has_the_digest_of_its_folder(adata, checkpoint, tmp_path):
    save_checkpoint(tmp_path / "model", checkpoint)

    copies = [
        genemamba.embed(adata, model, copy=True) for model in (checkpoint, str(tmp_path / "model"))
    ]

    assert "X_genemamba" not in adata.obsm
    one, two = (copy.uns["genemamba"]["X_genemamba"]["model"] for copy in copies)
    assert one == two == tree_manifest(str(tmp_path / "model")).digest
    np.testing.assert_array_equal(*(copy.obsm["X_genemamba"] for copy in copies))


def test_a_cell_without_a_known_gene_has_zeros(adata, checkpoint):
    adata.X = adata.X.multiply(np.arange(40)[:, None] != 3).tocsr()

    genemamba.embed(adata, checkpoint)

    assert np.flatnonzero(~adata.obsm["X_genemamba"].any(axis=1)).tolist() == [3]
    assert adata.uns["genemamba"]["X_genemamba"]["cells_without_token"] == 1


def negative(adata):
    adata.X = adata.X.toarray() - 1
    return adata


def normalised(adata):
    adata.X = np.log1p(adata.X.toarray() * np.float32(0.7))
    return adata


def infinite(adata):
    adata.X = adata.X.toarray()
    adata.X[2, 1] = np.inf
    return adata


def empty(adata):
    adata.X = adata.X * 0
    return adata


def mouse(adata):
    adata.var_names = [gene.replace("ENSG", "ENSMUSG") for gene in adata.var_names]
    return adata


@pytest.mark.parametrize(
    ("spoil", "error", "message"),
    [
        pytest.param(negative, CountsError, r"in adata\.X, found \d+ negative", id="negative"),
        pytest.param(normalised, CountsError, r"fractional values.*layer='counts'", id="log"),
        pytest.param(infinite, CountsError, "1 non-finite values.* 'cell2'", id="infinite"),
        pytest.param(empty, CountsError, "zeros alone in 40 cells", id="zeros"),
        pytest.param(mouse, GenesError, "of mouse", id="mouse"),
        pytest.param(lambda adata: adata[:0], SchemaError, r"found shape \(0, 60\)", id="no cell"),
    ],
)
def test_what_cannot_be_embedded_is_refused_and_nothing_is_added(
    adata, checkpoint, spoil, error, message
):
    adata = spoil(adata)

    with pytest.raises(error, match=message):
        genemamba.embed(adata, checkpoint)
    assert not len(adata.obsm)
    assert not len(adata.uns)


def test_a_layer_that_is_not_there_is_refused_with_those_that_are(adata, checkpoint):
    adata.layers["spliced"] = adata.X
    with pytest.raises(
        SchemaError, match=r"layer 'counts' in adata\.layers, found 'spliced'\. Name"
    ):
        genemamba.embed(adata, checkpoint, layer="counts")
    with pytest.raises(SchemaError, match=r"layer 'raw' in adata\.layers, found 'spliced'"):
        genemamba.embed(adata, checkpoint, layer="raw")


def test_a_model_that_is_not_there_is_refused(adata, tmp_path):
    with pytest.raises(ModelError, match=r"Expected model\.safetensors.* in .*absent"):
        genemamba.embed(adata, tmp_path / "absent")


def test_a_model_of_other_genes_is_refused(checkpoint):
    adata = small_adata(n_obs=5)
    reference = load_reference()
    others = [gene for gene in reference.symbols if gene not in set(checkpoint.vocabulary.gene_ids)]
    adata.var_names = others[-60:]

    with pytest.raises(
        ModelError, match=r"genes of adata\.X in the model's vocabulary, found none"
    ):
        genemamba.embed(adata, checkpoint)


def test_real_cells_have_their_embedding_by_symbols_and_whichever_come_along(checkpoint, data_dir):
    adata = ad.read_h5ad(data_dir / "pbmc_multistudy.h5ad", backed="r")[:60].to_memory()
    match = load_reference().match
    same = [match(row.gene_symbol).ensembl_id == row.ensembl_id for row in adata.var.itertuples()]
    adata = adata[:, same].copy()
    vocabulary = Vocabulary.from_counts(adata.X, adata.var_names.tolist())
    config = dataclasses.replace(checkpoint.model_config, vocab_size=vocabulary.size)
    model = dataclasses.replace(
        checkpoint, vocabulary=vocabulary, model=build_model(config, seed=0, device=CPU)
    )
    by_symbol = ad.AnnData(adata.X, var=pd.DataFrame(index=adata.var["gene_symbol"].astype(str)))
    few = adata[[40, 7, 23]].copy()

    for cells in (adata, by_symbol, few):
        genemamba.embed(cells, model)

    facts = by_symbol.uns["genemamba"]["X_genemamba"]
    assert sum(same) > 6000
    assert (facts["genes_mapped"], facts["umis_lost"]) == (sum(same), 0)
    found = [cells.obsm["X_genemamba"] for cells in (adata, by_symbol, few)]
    np.testing.assert_allclose(found[1], found[0], rtol=0, atol=1e-5)
    np.testing.assert_allclose(found[2], found[0][[40, 7, 23]], rtol=0, atol=1e-5)
    assert np.abs(found[0][0] - found[0][1]).max() > 1e-3


def test_the_library_is_light_until_it_embeds():
    code = (
        "import sys, genemamba\n"
        "heavy = lambda: [m for m in ('torch', 'anndata', 'numpy') if m in sys.modules]\n"
        "before = heavy(), 'embed' in dir(genemamba)\n"
        "genemamba.embed\n"
        "print(before, heavy(), hasattr(genemamba, 'embedding'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, check=True, cwd=Path(genemamba.__file__).parent.parent,
    )  # fmt: skip

    assert done.stdout.strip() == "([], True) ['torch', 'anndata', 'numpy'] False"
