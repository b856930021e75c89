import warnings

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from genemamba import keys
from genemamba.atlas.cells.quality import cell_metrics
from genemamba.atlas.genes.flags import GeneFlags, flag_genes
from genemamba.errors import SchemaError

KINDS = ("mt", "ribo", "hb")


def scanpy_metrics(counts, flags):
    import scanpy as sc

    var = pd.DataFrame({kind: getattr(flags, kind) for kind in KINDS})
    # Dense, as scanpy compiles for half a minute what it needs for sparse counts.
    adata = ad.AnnData(counts.toarray().astype(np.float64), var=var.set_axis(var.index.astype(str)))
    with np.errstate(invalid="ignore"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="invalid value encountered")  # empty cells
        obs, _ = sc.pp.calculate_qc_metrics(adata, qc_vars=KINDS, percent_top=[20], log1p=False)
    return obs


def assert_as_scanpy(counts, flags, blocks):
    expected = scanpy_metrics(counts, flags)

    found = cell_metrics(blocks, flags)

    assert set(found) == {
        "total_counts", "n_genes_by_counts", "pct_counts_mt", "pct_counts_ribo", "pct_counts_hb",
        "pct_counts_in_top_20_genes",
    }  # fmt: skip
    assert {name: values.dtype.itemsize for name, values in found.items()} == dict.fromkeys(
        found, 4
    )
    for name, values in found.items():
        np.testing.assert_allclose(values, expected[name], rtol=1e-6, atol=1e-6, err_msg=name)


def flags_of(n_vars, rng):
    kinds = rng.integers(0, 4, size=n_vars)
    kinds[:3] = 1, 2, 3
    return GeneFlags(mt=kinds == 1, ribo=kinds == 2, hb=kinds == 3)


@settings(deadline=None)  # the first example of each type compiles
@given(
    seed=st.integers(0, 2**32 - 1),
    n_obs=st.integers(1, 12),
    n_vars=st.integers(21, 90),
    largest=st.sampled_from([1, 3, 127, 128, 129, 100_000]),
    density=st.sampled_from([0.05, 0.5, 1.0]),
    dtype=st.sampled_from([np.float32, np.float64, np.int32, np.uint16]),
)
def test_metrics_are_those_of_scanpy(seed, n_obs, n_vars, largest, density, dtype):
    rng = np.random.default_rng(seed)
    dense = rng.integers(0, min(largest, 60_000), size=(n_obs, n_vars), endpoint=True)
    dense[rng.random(dense.shape) > density] = 0
    counts = csr_matrix(dense.astype(dtype))

    assert_as_scanpy(counts, flags_of(n_vars, rng), [counts])


def test_values_between_whole_numbers_are_ranked_among_them():
    rng = np.random.default_rng(5)
    counts = csr_matrix(np.round(rng.gamma(0.7, 90, size=(30, 60)) * 2) / 2)

    assert_as_scanpy(counts, flags_of(60, rng), [counts])


def test_blocks_give_what_the_whole_gives():
    rng = np.random.default_rng(2)
    counts = csr_matrix(rng.poisson(2.0, size=(50, 40)).astype(np.float32))
    flags = flags_of(40, rng)

    assert_as_scanpy(counts, flags, (counts[low : low + 7] for low in range(0, 50, 7)))


def test_metrics_of_real_cells_are_those_of_scanpy(data_dir):
    adata = ad.read_h5ad(data_dir / "cell_lines_sc_mixology.h5ad")[::7]
    var = adata.var.rename(columns={"gene_symbol": keys.FEATURE_NAME}).set_index("ensembl_id")
    flags = flag_genes(var)

    assert flags.mt.sum() > 30
    counts = csr_matrix(adata.X)
    assert_as_scanpy(counts, flags, [counts])


def test_stored_zeros_are_no_genes():
    counts = csr_matrix((np.array([0.0, 3.0]), np.array([0, 1]), np.array([0, 2])), shape=(1, 2))

    found = cell_metrics([counts], GeneFlags(**dict.fromkeys(KINDS, np.array([True, False]))))

    assert found["n_genes_by_counts"].tolist() == [1]


def test_kinds_of_genes_that_were_not_measured_are_unknown_and_not_zero():
    none = np.zeros(2, dtype=bool)
    flags = GeneFlags(mt=np.array([True, False]), ribo=none, hb=none)

    found = cell_metrics([csr_matrix([[0.0, 4.0], [0.0, 0.0]])], flags)

    assert found["total_counts"].tolist() == [4.0, 0.0]
    np.testing.assert_array_equal(found["pct_counts_mt"], [0.0, np.nan])
    np.testing.assert_array_equal(found["pct_counts_ribo"], [np.nan, np.nan])
    np.testing.assert_array_equal(found["pct_counts_in_top_20_genes"], [100.0, np.nan])


def test_no_blocks_give_no_cells():
    found = cell_metrics([], GeneFlags(**dict.fromkeys(KINDS, np.zeros(3, dtype=bool))))

    assert {len(values) for values in found.values()} == {0}


def test_flags_of_other_genes_are_refused():
    flags = GeneFlags(**dict.fromkeys(KINDS, np.zeros(3, dtype=bool)))

    with pytest.raises(SchemaError, match="Expected a flag for each of 2 genes, found 3 flags"):
        cell_metrics([csr_matrix((1, 2))], flags)
