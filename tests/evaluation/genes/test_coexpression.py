"""Co-expression is numpy's correlation of scanpy's log counts, block by block."""

import anndata as ad
import numpy as np
import pytest
import scanpy as sc
from scipy.sparse import csr_matrix

from genemamba.evaluation.genes import coexpression
from genemamba.evaluation.genes.coexpression import (
    correlation_matrix,
    level_similarity,
    log_counts,
)


@pytest.mark.parametrize("rows_at_once", [7, 512])
def test_correlation_is_numpys_and_zero_with_a_constant_column(monkeypatch, rows_at_once):
    monkeypatch.setattr(coexpression, "ROWS_AT_ONCE", rows_at_once)
    X = np.random.default_rng(0).poisson(1.0, (50, 6)).astype(np.float32)
    X[:, 1] += X[:, 0]
    X[:, 5] = 3

    found = correlation_matrix(csr_matrix(X))

    np.testing.assert_allclose(found[:5, :5], np.corrcoef(X[:, :5].T), atol=1e-6)
    assert found[5].tolist() == [0] * 6


def test_log_counts_are_scaled_by_all_genes_of_the_cell_and_read_where_asked_for(atlas):
    rows, genes = np.array([0, 3, 77, 120, 149]), [atlas.gene_ids[i] for i in (2, 40, 11)]
    whole = ad.AnnData(atlas.counts())
    sc.pp.normalize_total(whole, target_sum=1e4)
    sc.pp.log1p(whole)

    found = log_counts(atlas, rows, genes)

    np.testing.assert_allclose(found.toarray(), whole.X[rows][:, [2, 40, 11]].toarray(), rtol=1e-5)


def test_levels_are_alike_where_means_are():
    X = csr_matrix(np.array([[0.0, 2.0, 3.0], [2.0, 0.0, 5.0]]))

    np.testing.assert_allclose(level_similarity(X), [[0, 0, -3], [0, 0, -3], [-3, -3, 0]])
