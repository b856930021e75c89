"""Our sparse PCA is scanpy's, without making anything dense."""

import anndata as ad
import numpy as np
import pytest
import scanpy as sc
from scipy import sparse

from genemamba.evaluation.annotation.scores import score_annotation
from genemamba.evaluation.annotation.splits import split_labelled
from genemamba.evaluation.annotation.transfer import label_held_out
from genemamba.evaluation.baselines.choice import baseline_labellers
from genemamba.evaluation.baselines.names import LOGISTIC_REGRESSION, MAJORITY
from genemamba.evaluation.pca import log_normalise, log_normalised_pca


@pytest.fixture(scope="module")
def counts():
    rng = np.random.default_rng(0)
    programmes = rng.gamma(0.4, 3.0, (6, 120))
    rates = programmes[rng.integers(0, 6, 200)] * rng.gamma(2.0, 1.0, (200, 1))
    return sparse.csr_matrix(rng.poisson(rates).astype(np.float32))


def test_log_normalised_counts_equal_scanpys(counts):
    adata = ad.AnnData(counts.copy())
    sc.pp.normalize_total(adata, target_sum=10_000)
    sc.pp.log1p(adata)

    np.testing.assert_allclose(log_normalise(counts).toarray(), adata.X.toarray(), rtol=1e-5)


def test_components_equal_scanpys_up_to_sign(counts):
    adata = ad.AnnData(log_normalise(counts))
    sc.pp.pca(adata, n_comps=10, svd_solver="arpack")

    X_pca = log_normalised_pca(counts, n_comps=10, seed=0)

    expected = adata.obsm["X_pca"]
    signs = np.sign((X_pca * expected).sum(axis=0))
    np.testing.assert_allclose(X_pca * signs, expected, atol=2e-3)


def test_counts_are_left_as_they_were(counts):
    before = counts.copy()

    log_normalised_pca(counts, n_comps=3, seed=0)

    assert (counts != before).nnz == 0


def test_the_seed_changes_nothing_that_can_be_seen(counts):
    first, again, other = (log_normalised_pca(counts, n_comps=5, seed=s) for s in (0, 0, 1))

    np.testing.assert_array_equal(first, again)
    np.testing.assert_allclose(first, other, atol=1e-3)


def test_permuting_cells_permutes_rows(counts):
    order = np.random.default_rng(1).permutation(counts.shape[0])

    shuffled = log_normalised_pca(counts[order], n_comps=5, seed=0)

    np.testing.assert_allclose(
        shuffled, log_normalised_pca(counts, n_comps=5, seed=0)[order], atol=1e-3
    )


def test_few_cells_give_fewer_components(counts):
    assert log_normalised_pca(counts[:8], n_comps=50, seed=0).shape == (8, 7)


@pytest.mark.parametrize(
    ("rows", "columns"),
    [(slice(1), slice(None)), (slice(None), slice(1)), ([3] * 9, slice(None))],
    ids=["one cell", "one gene", "equal cells"],
)
def test_where_nothing_varies_there_is_one_component_of_zeros(counts, rows, columns):
    few = counts[rows][:, columns]

    X_pca = log_normalised_pca(few, seed=0)

    assert X_pca.dtype == np.float32
    np.testing.assert_array_equal(X_pca, np.zeros((few.shape[0], 1)))


def test_two_cells_lie_on_one_component_at_their_distance(counts):
    X_pca = log_normalised_pca(counts[:2], seed=0)

    X = log_normalise(counts[:2]).toarray()
    assert X_pca.shape == (2, 1)
    assert abs(X_pca[0, 0] - X_pca[1, 0]) == pytest.approx(np.linalg.norm(X[0] - X[1]), rel=1e-4)


def test_cells_without_counts_are_points_like_others(counts):
    empty = sparse.vstack([counts, sparse.csr_matrix((1, counts.shape[1]))]).tocsr()

    assert np.isfinite(log_normalised_pca(empty, n_comps=5, seed=0)).all()


def test_the_baseline_names_nine_in_ten_real_cells_of_a_technology_it_never_saw(data_dir):
    adata = ad.read_h5ad(data_dir / "pancreas_panc8_small.h5ad")
    labels = adata.obs["cell_type"].to_numpy(dtype=object)
    split = split_labelled(labels, adata.obs["batch"].to_numpy(dtype=object), seed=0)
    counts = sparse.csr_matrix(adata.X)
    makers = baseline_labellers(counts, adata.obs["batch"], seed=0)

    baseline, majority = (
        label_held_out(makers[name](), labels, split, seed=0)
        for name in (LOGISTIC_REGRESSION, MAJORITY)
    )

    score = score_annotation(baseline.truth, baseline.predicted, seed=0)
    assert split.summary == "held-out batch: 500 of 500 labelled cells scored, 5 batches, 5 folds"
    assert 0.91 < score.accuracy_interval.low < score.accuracy < 0.97
    assert score.macro_f1 > 0.91
    assert score_annotation(majority.truth, majority.predicted, seed=0).accuracy < 0.5
