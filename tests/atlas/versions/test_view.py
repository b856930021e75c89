import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from genemamba.atlas.genes.tables import load_reference
from genemamba.atlas.store import read_var
from genemamba.atlas.versions.manifests import AtlasManifest, StoreEntry
from genemamba.atlas.versions.view import AtlasView
from genemamba.errors import StoreError


def entry(url, name, n_obs, *, sha256):
    return StoreEntry(
        name=name,
        digest=f"sha256:{name}",
        url=url,
        n_obs=n_obs,
        n_vars=len(read_var(url)),
        deposit_sha256=sha256,
    )


@pytest.fixture
def second(gene_ids):
    """Three cells over five genes by symbol, shuffled, two of them not in the first deposit."""
    symbols = load_reference().symbols
    wanted = [gene_ids[40], gene_ids[3], "ENSG00000010610", gene_ids[7]]
    counts = np.array([[1, 2, 3, 4, 9], [0, 0, 5, 6, 9], [7, 0, 0, 8, 9]], dtype=np.float32)
    return ad.AnnData(
        X=csr_matrix(counts),
        obs=pd.DataFrame({"n_umi": [1.5, 2.5, 3.5], "batch": ["b1", "x", "x"]}, index=list("abc")),
        var=pd.DataFrame(index=[*(symbols[gene] for gene in wanted), "novel"]),
    )


@pytest.fixture
def view(adata, second, deposit, ingest):
    """The first 40 genes of 120 cells, and the second deposit."""
    first = ingest(deposit(adata[:, :40].copy()), name="one", sha256="a" * 64)
    other = ingest(deposit(second, "other"), name="two", sha256="b" * 64)
    manifest = AtlasManifest(
        atlas="test",
        stores=(
            entry(other, "two", 3, sha256="b" * 64),
            entry(first, "one", 120, sha256="a" * 64),
        ),
    )
    return AtlasView.open(manifest)


def test_genes_are_the_sorted_union_of_mapped_ones(view, gene_ids):
    expected = sorted({*gene_ids[:40], gene_ids[40], "ENSG00000010610"})

    assert list(view.gene_ids) == expected
    symbols = load_reference().symbols
    assert view.var["feature_name"].tolist() == [symbols[gene] for gene in expected]


def test_counts_of_all_stores_lie_in_one_gene_space(view, adata, second, gene_ids):
    expected = pd.DataFrame(0.0, index=view.obs.index, columns=list(view.gene_ids))
    expected.loc[expected.index[:120], gene_ids[:40]] = adata.X.toarray()[:, :40]
    columns = [gene_ids[40], gene_ids[3], "ENSG00000010610", gene_ids[7]]
    expected.loc[expected.index[120:], columns] = second.X.toarray()[:, :4]

    counts = view.counts()

    np.testing.assert_array_equal(counts.toarray(), expected.to_numpy())
    assert counts.dtype == np.float32
    assert counts.has_canonical_format


def test_counts_over_a_list_of_genes_keep_its_order_and_fill_in_zeros(view, gene_ids):
    wanted = [gene_ids[7], "ENSG00000075624", gene_ids[3]]
    whole = pd.DataFrame(view.counts().toarray(), columns=list(view.gene_ids))

    counts = view.counts(wanted).toarray()

    np.testing.assert_array_equal(counts, whole.reindex(columns=wanted).fillna(0).to_numpy())


def test_cells_are_named_by_id_and_keep_the_columns_all_deposits_have(view, adata):
    assert view.obs.columns.tolist() == [
        *("cell_type", "batch", "deposit", "content_hash", "n_umi", "total_counts"),
        *("n_genes_by_counts", "pct_counts_mt", "pct_counts_ribo", "pct_counts_hb"),
        *("pct_counts_in_top_20_genes", "is_outlier", "outlier_reason", "doublet_score"),
        "predicted_doublet",
    ]
    assert view.obs.index.tolist() == [
        *(f"{'a' * 12}:{name}" for name in adata.obs_names),
        *(f"{'b' * 12}:{name}" for name in "abc"),
    ]
    assert view.obs["cell_type"].tolist() == [*adata.obs["cell_type"], *["unknown"] * 3]
    assert view.obs["deposit"].tolist() == ["one"] * 120 + ["two"] * 3
    assert view.obs["n_umi"].tolist()[-3:] == ["1.5", "2.5", "3.5"]
    assert view.store_rows == (slice(0, 120), slice(120, 123))


def test_batches_of_one_name_in_two_deposits_are_two_batches(view, adata):
    expected = ["one:b1" if batch == "b1" else batch for batch in adata.obs["batch"]]

    assert view.obs["batch"].tolist() == [*expected, "two:b1", "x", "x"]


def test_store_of_another_size_than_listed_is_refused(view):
    listed = view.manifest.stores[0]
    wrong = entry(listed.url, "one", 119, sha256="a" * 64)

    with pytest.raises(StoreError, match=r"Expected 119 cells at .*, found 120"):
        AtlasView.open(AtlasManifest(atlas="test", stores=(wrong,)))


def test_atlas_without_stores_is_refused():
    with pytest.raises(StoreError, match="Expected atlas 'test' to hold stores, found none"):
        AtlasView.open(AtlasManifest(atlas="test", stores=()))
