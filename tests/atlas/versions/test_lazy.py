"""A whole version as one AnnData: equal to its sources, and read no sooner than needed."""

import shutil
from dataclasses import replace
from pathlib import Path

import anndata as ad
import dask.array as da
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from scipy.sparse import csr_matrix

from genemamba.atlas.versions.lazy import open_atlas
from genemamba.atlas.versions.left_out import InheritedIds, LeftOut
from genemamba.atlas.versions.manifests import AtlasManifest
from genemamba.atlas.versions.view import AtlasView
from tests.small_atlas import gene_ids, small_entry, wide_adata

GENES = gene_ids(50)
KEPT_ONE = [*range(7), *range(10, 30)]
KEPT_TWO = [0, *range(3, 20)]


@pytest.fixture(scope="module")
def deposits():
    return {
        "one": wide_adata(n_obs=30, genes=GENES[:40]),
        "two": wide_adata(n_obs=20, genes=GENES[:9:-1], seed=1),
    }


@pytest.fixture(scope="module")
def manifest(deposits, tmp_path_factory):
    folder = tmp_path_factory.mktemp("lazy")
    one, two = (small_entry(folder, name, adata) for name, adata in deposits.items())
    one = replace(one, left_out=(LeftOut(reason="quality", rows="7-9"),))
    two = replace(
        two,
        left_out=(LeftOut(reason="duplicate", rows="1-2", kept_by="one"),),
        inherited=(InheritedIds(deposit="0" * 12, rows="3", names=("x",)),),
    )
    return AtlasManifest(atlas="small", stores=(one, two))


@pytest.fixture(scope="module")
def expected(deposits):
    """The same cells, put together by anndata."""
    parts = [deposits["one"][KEPT_ONE], deposits["two"][KEPT_TWO]]
    whole = ad.concat(parts, join="outer", fill_value=0, index_unique="-")
    return whole[:, sorted(whole.var_names)].X.toarray()


@pytest.fixture(params=[4096, 8], ids=["a block a store", "several blocks a store"])
def lazy(manifest, request):
    return open_atlas(manifest, block_n_obs=request.param)


def test_counts_are_those_of_the_sources(lazy, expected, manifest):
    assert isinstance(lazy.X, da.Array)
    assert lazy.shape == (45, 50)
    np.testing.assert_array_equal(lazy.X.compute().toarray(), expected)
    np.testing.assert_array_equal(AtlasView.open(manifest).counts().toarray(), expected)


def test_some_genes_of_some_cells_are_those_of_the_sources(lazy, expected):
    genes = [GENES[45], GENES[3], GENES[20]]
    columns = [sorted(GENES).index(gene) for gene in genes]

    np.testing.assert_array_equal(lazy[:, genes].X.compute().toarray(), expected[:, columns])
    rows = [44, 3, 20, 21]
    np.testing.assert_array_equal(lazy[rows].X.compute().toarray(), expected[rows])
    mask = np.arange(45) % 3 == 0
    np.testing.assert_array_equal(
        lazy[mask, genes].X.compute().toarray(), expected[mask][:, columns]
    )


def test_only_genes_of_all_stores_where_that_is_asked_for(manifest, expected):
    inner = open_atlas(manifest, join="inner")

    shared = sorted(GENES[10:40])
    assert inner.var_names.tolist() == shared
    columns = [sorted(GENES).index(gene) for gene in shared]
    np.testing.assert_array_equal(inner.X.compute().toarray(), expected[:, columns])
    assert set(inner.var["measured_in"]) == {2}


def test_unmeasured_genes_are_told_from_zeros(lazy):
    one, two = set(GENES[:40]), set(GENES[10:])
    truth = pd.DataFrame({"one": lazy.var_names.isin(one), "two": lazy.var_names.isin(two)})

    assert lazy.uns["genemamba"]["stores"] == ["one", "two"]
    np.testing.assert_array_equal(lazy.varm["measured"], truth.to_numpy())
    assert lazy.var["measured_in"].tolist() == truth.sum(axis=1).tolist()


def test_cells_are_those_of_the_version_under_the_ids_it_gives_them(lazy, manifest):
    one, two = (entry.deposit_sha256[:12] for entry in manifest.stores)
    expected = [f"{one}:cell{i}" for i in KEPT_ONE] + [f"{two}:cell{i}" for i in KEPT_TWO]
    expected[len(KEPT_ONE) + 1] = f"{'0' * 12}:x"

    assert lazy.obs_names.tolist() == expected
    assert lazy.obs["deposit"].tolist() == ["one"] * 27 + ["two"] * 18


def test_opening_needs_no_chunk_of_any_count(manifest, tmp_path):
    copies = []
    for entry in manifest.stores:
        copy = tmp_path / Path(entry.url).name
        shutil.copytree(entry.url, copy)
        for array in ("data", "indices", "indptr"):
            shutil.rmtree(copy / "X" / array / "c")
        copies.append(replace(entry, url=str(copy)))

    bare = open_atlas(replace(manifest, stores=tuple(copies)))

    assert bare.shape == (45, 50)
    # Without chunks every row pointer is 0: the counts were there, and are not now.
    assert bare.X.compute().nnz == 0


def test_scanpy_works_on_it_block_by_block(lazy, expected):
    sc.pp.normalize_total(lazy, target_sum=1e4)
    sc.pp.log1p(lazy)

    assert isinstance(lazy.X, da.Array)
    dense = expected.astype(np.float64)
    truth = np.log1p(dense / dense.sum(axis=1, keepdims=True) * 1e4)
    np.testing.assert_allclose(lazy.X.compute().toarray(), truth, rtol=1e-5, atol=1e-6)


def test_scanpy_finds_the_same_variable_genes_as_in_memory(lazy, expected):
    in_memory = ad.AnnData(csr_matrix(expected), var=lazy.var[[]])
    for adata in (lazy, in_memory):
        sc.pp.log1p(adata)
        sc.pp.highly_variable_genes(adata, n_top_genes=10)

    assert lazy.var["highly_variable"].tolist() == in_memory.var["highly_variable"].tolist()
    # More than ten where several are as variable as the tenth.
    assert 10 <= lazy.var["highly_variable"].sum() < 25


def test_a_store_of_which_no_cell_is_left_has_no_say(manifest):
    one, two = manifest.stores
    none = replace(two, inherited=(), left_out=(LeftOut(reason="quality", rows="0-19"),))

    adata = open_atlas(replace(manifest, stores=(one, none)))

    assert adata.shape == (27, 40)
    assert AtlasView.open(replace(manifest, stores=(one, none))).store_rows == (
        slice(0, 27),
        slice(27, 27),
    )
