"""Quality of the cells of a deposit, against what its counts say when they are in memory."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from genemamba.atlas.cells.doublets import score_doublets
from genemamba.atlas.cells.outliers import mad_outliers
from genemamba.atlas.cells.quality_columns import METRICS, QUALITY_COLUMNS
from genemamba.atlas.ingest import cell_quality
from genemamba.atlas.store import read_obs
from tests.small_atlas import gene_ids

N_OBS, N_VARS = 260, 150


@pytest.fixture(scope="module")
def counts():
    """Two batches, of which one has two cells that were measured far worse than the rest."""
    rng = np.random.default_rng(8)
    dense = rng.poisson(rng.gamma(0.5, 4.0, N_VARS), (N_OBS, N_VARS)).astype(np.float32)
    dense[[30, 31]] = rng.poisson(0.02, (2, N_VARS))
    dense[:, 0] = 1
    return dense


@pytest.fixture
def source(counts):
    adata = ad.AnnData(csr_matrix(counts), var=pd.DataFrame(index=gene_ids(N_VARS)))
    adata.obs["batch"] = ["a", "b"] * (N_OBS // 2)
    return adata


@pytest.fixture
def logged(source, counts):
    """The same as log1p, and every 13th cell such that its counts cannot be recovered."""
    values = np.log1p(counts / counts.sum(axis=1, keepdims=True) * 1e4)
    values[::13] *= 1.1
    source.X = csr_matrix(values)
    return source


def in_memory(dense, codes):
    """Measure, judge and score cells without any file of a survey."""
    share = np.sort(dense, axis=1)[:, -20:].sum(axis=1) / dense.sum(axis=1)
    metrics = {
        "total_counts": dense.sum(axis=1),
        "n_genes_by_counts": np.count_nonzero(dense, axis=1),
        "pct_counts_in_top_20_genes": 100 * share,
        "pct_counts_mt": np.full(len(dense), np.nan),
    }
    scores = score_doublets(lambda rows: csr_matrix(dense[rows]), codes, seed=0)
    return metrics, mad_outliers(metrics, codes), scores


def test_columns_are_those_of_the_counts_in_memory(source, counts, deposit, ingest):
    obs = read_obs(ingest(deposit(source), doublets="yes"))

    metrics, outliers, doublets = in_memory(counts, np.array([0, 1] * (N_OBS // 2)))
    assert obs.columns.tolist()[-len(QUALITY_COLUMNS) - 1 : -1] == list(QUALITY_COLUMNS)
    for name, values in metrics.items():
        np.testing.assert_allclose(obs[name], values, rtol=1e-6, err_msg=name)
    assert np.flatnonzero(obs["is_outlier"]).tolist() == np.flatnonzero(outliers[0]).tolist()
    assert {30, 31} <= set(np.flatnonzero(obs["is_outlier"]))
    assert obs["outlier_reason"].astype(object).fillna("").tolist() == [
        reason if isinstance(reason, str) else "" for reason in outliers.reason
    ]
    np.testing.assert_array_equal(obs["doublet_score"], doublets.scores)
    pd.testing.assert_extension_array_equal(obs["predicted_doublet"].array, doublets.predicted)
    assert np.isfinite(doublets.scores).all()


def test_cells_that_are_left_out_shift_no_value_to_another_cell(logged, counts, deposit, plan):
    accepted = plan(deposit(logged), doublets="yes")
    kept = np.setdiff1d(np.arange(N_OBS), np.arange(0, N_OBS, 13))

    assert accepted.survey.n_refused == N_OBS - len(kept)
    found = accepted.tables.quality.columns(0, len(kept))
    # The first batch code goes to the first cell that is kept, which is of batch b.
    _, outliers, doublets = in_memory(counts[kept], 1 - kept % 2)
    np.testing.assert_array_equal(found["total_counts"], counts[kept].sum(axis=1))
    np.testing.assert_array_equal(found["is_outlier"], outliers.is_outlier)
    np.testing.assert_array_equal(found["doublet_score"], doublets.scores)


@pytest.mark.parametrize(
    ("choice", "limit", "scored"),
    [
        pytest.param("auto", N_OBS, True, id="small enough"),
        pytest.param("auto", N_OBS - 1, False, id="too large"),
        pytest.param("yes", 1, True, id="asked for"),
        pytest.param("no", N_OBS, False, id="declined"),
    ],
)
def test_doublets_are_scored_in_small_deposits_or_where_asked(
    source, deposit, plan, monkeypatch, choice, limit, scored
):
    monkeypatch.setattr(cell_quality, "AUTO_N_OBS", limit)

    quality = plan(deposit(source), doublets=choice).tables.quality

    assert bool(quality.parts) is scored
    columns = quality.columns(0, N_OBS)
    assert np.isnan(columns["doublet_score"]).all() != scored
    assert columns["predicted_doublet"].isna().all() or scored
    assert columns["predicted_doublet"].dtype == "boolean"


def test_ranges_of_cells_are_rows_of_the_whole(source, deposit, plan):
    quality = plan(deposit(source), doublets="no").tables.quality

    whole = pd.DataFrame(quality.columns(0, N_OBS))
    part = pd.DataFrame(quality.columns(25, 40))

    pd.testing.assert_frame_equal(part, whole.iloc[25:40].reset_index(drop=True))
    assert list(whole) == list(QUALITY_COLUMNS)
    assert list(whole)[: len(METRICS)] == list(METRICS)


def test_small_batches_are_named(source, deposit, plan):
    source.obs["batch"] = ["few"] * 49 + ["many"] * (N_OBS - 49)

    quality = plan(deposit(source), doublets="no").tables.quality

    assert quality.small_batches == ("few",)
