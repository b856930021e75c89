"""Rejection is scored on cells whose labels were taken away."""

import anndata as ad
import numpy as np
import pytest

from genemamba.annotation.annotator import fit_annotator
from genemamba.annotation.label_rules import LabelRules
from genemamba.annotation.left_out import RejectionScore, rows_of_each, score_rejection
from genemamba.evaluation.pca import log_normalised_pca
from genemamba.keys import UNKNOWN
from tests.annotation.blobs import blobs

RULES = LabelRules(threshold=0.0, max_error=0.05)
X, LABELS = blobs(3, n_per_type=150, spread=2.0)
BATCH = np.resize(["a", "b", "c"], len(LABELS))


def test_rows_of_each_leave_out_cells_without_a_label():
    found = rows_of_each(["B", UNKNOWN, "A", "B"])

    assert [rows.tolist() for rows in found] == [[2], [0, 3]]


def test_counts_are_those_of_annotators_that_never_saw_the_labels():
    expected = np.zeros(5, dtype=int)
    for name in "abc":
        here = name == BATCH
        annotator = fit_annotator(
            X[~here], LABELS[~here], BATCH[~here], rules=RULES, by_batch=True, seed=0
        )
        labels = annotator.annotate(X[here]).labels
        given = labels != UNKNOWN
        expected[:3] += [here.sum(), given.sum(), (given & (labels != LABELS[here])).sum()]

    found = score_rejection(X, LABELS, BATCH, rows_of_each(BATCH), rules=RULES, seed=0)

    assert found == tuple(expected)
    assert found.coverage == expected[1] / len(LABELS)
    assert found.error == expected[2] / expected[1]


def test_a_left_out_type_is_right_only_as_unknown():
    found = score_rejection(X, LABELS, BATCH, rows_of_each(LABELS), rules=RULES, seed=0)
    forced = score_rejection(
        X, LABELS, BATCH, rows_of_each(LABELS), rules=LabelRules(threshold=0.0), seed=0
    )

    assert (found.n_known, found.n_novel) == (0, len(LABELS))
    assert found.novel_rejected > 0.8
    assert forced.novel_rejected == 0
    assert np.isnan(found.error)
    assert np.isnan(found.coverage)


def test_where_nothing_is_left_to_learn_from_nothing_is_counted():
    found = score_rejection(
        X[:300], LABELS[:300], BATCH[:300], rows_of_each(LABELS[:300]), rules=RULES, seed=0
    )

    assert found == RejectionScore(0, 0, 0, 0, 0)


@pytest.fixture(scope="module")
def cell_lines(data_dir):
    """Embedding, lines and runs of the cells, by the 2,000 genes with the most counts."""
    adata = ad.read_h5ad(data_dir / "cell_lines_sc_mixology.h5ad")
    genes = np.sort(np.argsort(-np.asarray(adata.X.sum(axis=0)).ravel())[:2_000])
    X = log_normalised_pca(adata.X[:, genes].tocsr(), n_comps=30, seed=0)
    columns = (adata.obs[name].astype(str).to_numpy() for name in ("cell_type", "batch"))
    return X, *columns


def test_left_out_cell_lines_are_rejected(cell_lines):
    X, lines, runs = cell_lines

    found = score_rejection(X, lines, runs, rows_of_each(lines), rules=RULES, seed=0)

    assert found.n_novel == 1_408
    assert found.novel_rejected > 0.8


def test_cells_of_a_held_out_run_keep_to_the_stated_error(cell_lines):
    X, lines, runs = cell_lines

    found = score_rejection(X, lines, runs, rows_of_each(runs), rules=RULES, seed=0)

    assert found.coverage > 0.8
    assert found.error_interval[0] <= 0.05
