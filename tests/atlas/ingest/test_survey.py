import numpy as np
import pytest
from scipy.sparse import csr_matrix

from genemamba.atlas.genes.layout import lay_out_genes
from genemamba.atlas.genes.mapping import map_genes
from genemamba.atlas.genes.tables import load_reference
from genemamba.atlas.ingest.memory import MemoryPlan
from genemamba.atlas.ingest.survey import survey_counts
from genemamba.atlas.sources.readers import open_source
from genemamba.errors import CountsError


@pytest.fixture
def survey(deposit, tmp_path):
    def run(adata, *, max_nnz=4_000_000, **options):
        source = open_source(deposit(adata), scratch=tmp_path / "scratch")
        layout = lay_out_genes(map_genes(source.var.index.tolist(), reference=load_reference()))
        folder = tmp_path / f"survey-{len(list(tmp_path.iterdir()))}"
        memory = MemoryPlan(n_threads=2, block_nnz=max_nnz)
        return survey_counts(source, layout.map, folder=folder, memory=memory, **options)

    return run


def test_survey_agrees_with_dense_sums(adata, survey):
    dense = adata.X.toarray()

    found = survey(adata)

    columns = {name: column[:] for name, column in found.columns().items()}
    assert columns["row"].tolist() == list(range(120))
    assert np.diff(columns["indptr"]).tolist() == np.count_nonzero(dense, axis=1).tolist()
    assert columns["n_genes"].tolist() == np.count_nonzero(dense, axis=1).tolist()
    assert columns["total"].tolist() == dense.sum(axis=1).tolist()
    assert (found.n_obs, found.nnz) == (120, np.count_nonzero(dense))
    assert found.gene_totals.tolist() == dense.sum(axis=0).tolist()
    assert (found.largest, found.n_rounded, found.dtype) == (dense.max(), 0, np.float32)


def test_small_blocks_give_the_same_survey_and_report_every_cell(adata, survey):
    calls = []

    blocks = survey(adata, max_nnz=100, progress=lambda done, total: calls.append((done, total)))
    whole = survey(adata)

    for name, column in blocks.columns().items():
        np.testing.assert_array_equal(column[:], whole.columns()[name][:], err_msg=name)
    assert calls == [(done, 64) for done in range(1, 65)]


def test_counts_beyond_float32_are_kept_in_float64(adata, survey):
    adata.X = adata.X.astype(np.float64)
    adata.X.data[3] = 2**24 + 1

    assert survey(adata).dtype == np.float64


@pytest.mark.parametrize("value", [2.0**54, 1e300], ids=["just", "by far"])
def test_counts_beyond_float64_are_refused(adata, survey, value):
    adata.X = adata.X.astype(np.float64)
    adata.X.data[3] = value

    with pytest.raises(
        CountsError, match=f"at most {2**53}, found {value:g} in X".replace("+", r"\+")
    ):
        survey(adata)


def test_the_largest_count_that_float64_holds_is_kept(adata, survey):
    adata.X = adata.X.astype(np.float64)
    adata.X.data[3] = 2.0**53

    assert survey(adata).largest == 2.0**53


@pytest.mark.parametrize(
    ("value", "found"),
    [
        pytest.param(-3.0, "2 negative values, the first -3.0", id="negative"),
        pytest.param(np.inf, "2 non-finite values, the first inf", id="infinite"),
        pytest.param(np.nan, "2 non-finite values, the first nan", id="nan"),
        pytest.param(1.5, "2 fractional values, the first 1.5", id="fractional"),
    ],
)
def test_impossible_values_deep_in_the_file_are_counted_and_located(adata, survey, value, found):
    dense = np.tile(adata.X.toarray(), (25, 1))
    # Between the places that the probe of a scale looks at.
    dense[700, 4] = dense[2600, 9] = value
    deep = type(adata)(X=csr_matrix(dense), var=adata.var)
    deep.obs_names = [f"cell{i}" for i in range(3000)]

    with pytest.raises(
        CountsError, match=rf"{found} in cell 'cell700', gene '{adata.var_names[4]}'"
    ):
        survey(deep, max_nnz=500)


def test_only_zeros_are_no_counts(adata, survey):
    adata.X = csr_matrix(adata.X.toarray() * 0)
    adata.layers["counts"] = adata.X.copy()

    with pytest.raises(CountsError, match=r"raw counts, found"):
        survey(adata)


def test_log1p_of_which_most_cells_cannot_be_recovered_is_refused(adata, survey):
    rng = np.random.default_rng(0)
    counts = rng.poisson(1.5, size=(3000, 50)).astype(float)
    logged = np.log1p(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1) * 1e4)
    probed = np.zeros(3000, dtype=bool)
    for start in np.linspace(0, 3000 - 64, 8).astype(int):
        probed[start : start + 64] = True
    logged[~probed] *= 1.1
    spoilt = type(adata)(X=csr_matrix(logged), var=adata.var)

    with pytest.raises(CountsError, match=r"give whole numbers in \d+ of 3000 cells only"):
        survey(spoilt)
