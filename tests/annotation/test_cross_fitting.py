"""Every labelled cell is scored by a head that did not learn from it, nor from its batch."""

import numpy as np
import pytest

from genemamba.annotation.cross_fitting import MAX_FOLDS, score_held_out, score_out_of_fold
from genemamba.annotation.linear_probe import fit_probe
from genemamba.annotation.novelty import fit_novelty
from tests.annotation.blobs import blobs

X, LABELS = blobs(3, spread=3.0)
BATCH = np.resize(["a", "b", "c"], len(LABELS))


def score(labels=LABELS, batch=BATCH, *, by_batch=True):
    return score_out_of_fold(X, labels, batch, fit=fit_probe, by_batch=by_batch, seed=0)


def rows_of(logits, found):
    """Find each scored cell by its logits."""
    return {tuple(row.round(9)) for row in found.logits} & {tuple(row.round(9)) for row in logits}


def test_cells_of_a_batch_are_scored_by_a_head_of_the_others():
    found = score()

    assert found.kind == "held-out batch"
    assert found.classes == ("type 0", "type 1", "type 2")
    assert len(found.codes) == len(LABELS)
    for name in "abc":
        here = name == BATCH
        head = fit_probe(X[~here], LABELS[~here], seed=0)
        assert len(rows_of(head.logits(X[here]), found)) == here.sum()
        novelty = fit_novelty(X[~here], LABELS[~here], head=head, seed=0)
        distances = novelty.scores(X[here]).distance
        assert np.isin(distances.round(9), found.novelty.distance.round(9)).all()


def test_a_cell_whose_type_no_other_batch_has_is_left_out_and_its_type_impossible_elsewhere():
    labels = np.where((BATCH == "a") & (LABELS == "type 0"), "rare", LABELS)

    found = score(labels)

    scored = np.array(found.classes)[found.codes]
    assert found.classes[0] == "rare"
    assert "rare" not in scored
    assert len(scored) == (labels != "rare").sum()
    knows_rare = np.isfinite(found.logits[:, 0])
    assert knows_rare.sum() == (BATCH != "a").sum()
    assert np.isfinite(found.logits[np.arange(len(scored)), found.codes]).all()


@pytest.mark.parametrize(
    ("batch", "by_batch"),
    [
        pytest.param(BATCH, False, id="asked for"),
        pytest.param(np.full(len(LABELS), "a"), True, id="one batch"),
        pytest.param(LABELS, True, id="batches share no type"),
    ],
)
def test_else_cells_are_held_out_a_share_of_each_type(batch, by_batch):
    found = score(batch=batch, by_batch=by_batch)

    assert found.kind == "held-out cells"
    assert np.bincount(found.codes).tolist() == [40, 40, 40]
    assert np.isfinite(found.logits).all()


def test_many_batches_are_held_out_in_groups():
    fitted = []

    def fit(X, labels, *, seed):
        fitted.append(len(labels))
        return fit_probe(X, labels, seed=seed)

    batch = np.resize([f"b{i}" for i in range(12)], len(LABELS))
    found = score_out_of_fold(X, LABELS, batch, fit=fit, by_batch=True, seed=0)

    assert found.kind == "held-out batch"
    assert len(fitted) == MAX_FOLDS
    assert len(found.codes) == len(LABELS)


def test_types_with_a_single_cell_cannot_be_judged():
    labels = LABELS.copy()
    labels[0] = "single"

    found = score(labels, by_batch=False)

    assert found.classes[0] == "single"
    assert len(found.codes) == len(LABELS) - 1
    assert (found.codes > 0).all()


def test_one_head_is_judged_by_cells_that_it_did_not_learn_from():
    is_seen = (np.arange(len(LABELS)) % 2 == 0) & (LABELS != "type 2")
    head = fit_probe(X[is_seen], LABELS[is_seen], seed=0)
    novelty = fit_novelty(X[is_seen], LABELS[is_seen], head=head, seed=0)

    found = score_held_out(head, novelty, X[~is_seen], LABELS[~is_seen], kind="held-out cells")

    known = np.flatnonzero(~is_seen & (LABELS != "type 2"))
    assert np.array(found.classes)[found.codes].tolist() == LABELS[known].tolist()
    np.testing.assert_array_equal(found.logits, head.logits(X[known]))
    np.testing.assert_array_equal(found.novelty.distance, novelty.scores(X[known]).distance)
