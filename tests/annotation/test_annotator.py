"""An annotator labels what it may, says why it does not, and judges each cell by itself."""

import numpy as np
import pytest

from genemamba.annotation.annotator import calibrate, fit_annotator
from genemamba.annotation.cross_fitting import score_out_of_fold
from genemamba.annotation.head import softmax
from genemamba.annotation.label_rules import (
    ACCEPTED,
    HEADS,
    LOW_CONFIDENCE,
    UNFAMILIAR,
    LabelRules,
)
from genemamba.annotation.linear_probe import fit_probe
from genemamba.keys import UNKNOWN
from tests.annotation.blobs import blobs

X, LABELS = blobs(4, n_per_type=200, spread=2.2, n_dims=12)
NEW, NEW_LABELS = blobs(4, n_per_type=150, spread=2.2, n_dims=12)
NEW = NEW + np.random.default_rng(5).normal(0, 0.3, NEW.shape).astype(np.float32)
BATCH = np.resize(["a", "b"], len(LABELS))
IS_KNOWN = LABELS != "type 3"


def annotator(rows=slice(None), *, by_batch=True, **rules):
    return fit_annotator(
        X[rows], LABELS[rows], BATCH[rows], rules=LabelRules(**rules), by_batch=by_batch, seed=0
    )


@pytest.mark.parametrize("head", HEADS)
def test_probabilities_are_those_of_the_head_at_the_temperature_of_cells_held_out(head):
    found = annotator(head=head)

    fitted = HEADS[head](X, LABELS, seed=0)
    expected = softmax(fitted.logits(NEW) / found.facts["temperature"])
    np.testing.assert_allclose(found.annotate(NEW).probabilities, expected)
    assert found.facts["temperature"] != 1
    assert found.facts["judged_by"] == "held-out batch"


def test_below_the_threshold_confidence_is_low_and_kept():
    found = annotator(threshold=0.9).annotate(NEW)

    is_sure = found.probabilities.max(axis=1) >= 0.9
    best = np.array(["type 0", "type 1", "type 2", "type 3"])[found.probabilities.argmax(axis=1)]
    assert 0 < is_sure.sum() < len(NEW)
    assert found.reasons.tolist() == np.where(is_sure, ACCEPTED, LOW_CONFIDENCE).tolist()
    assert found.labels.tolist() == np.where(is_sure, best, UNKNOWN).tolist()
    np.testing.assert_array_equal(found.confidence, found.probabilities.max(axis=1))


@pytest.mark.parametrize("head", HEADS)
def test_a_type_that_nobody_labelled_is_rejected_and_not_forced(head):
    judged = annotator(IS_KNOWN, head=head, threshold=0.0, max_error=0.05)

    found = judged.annotate(NEW)

    is_novel = NEW_LABELS == "type 3"
    assert (found.labels[is_novel] == UNKNOWN).mean() > 0.9
    assert (found.reasons[is_novel] == UNFAMILIAR).mean() > 0.8
    given = ~is_novel & (found.labels != UNKNOWN)
    assert given.sum() > 0.85 * (~is_novel).sum()
    assert (found.labels[given] != NEW_LABELS[given]).mean() < 0.05


def test_without_a_stated_error_the_same_type_is_forced():
    found = annotator(IS_KNOWN, threshold=0.0).annotate(NEW)

    assert set(found.reasons) == {ACCEPTED}
    assert UNKNOWN not in found.labels


def test_with_both_rules_a_cell_must_pass_both():
    by_error, by_threshold, by_both = (
        annotator(**rules).annotate(NEW).labels == UNKNOWN
        for rules in (
            {"threshold": 0.0, "max_error": 0.05},
            {"threshold": 0.95},
            {"threshold": 0.95, "max_error": 0.05},
        )
    )

    assert by_both.tolist() == (by_error | by_threshold).tolist()
    assert by_error.sum() < by_both.sum() > by_threshold.sum()


def test_the_stricter_the_target_the_fewer_cells_get_a_label():
    n_labelled = [
        (annotator(threshold=0.0, max_error=error).annotate(NEW).labels != UNKNOWN).sum()
        for error in (0.3, 0.03, 0.0001)
    ]

    assert n_labelled[0] >= n_labelled[1] > n_labelled[2] == 0


def test_labels_do_not_depend_on_which_cells_come_along():
    judged = annotator(IS_KNOWN, head="neighbors", threshold=0.0, max_error=0.05)

    together = judged.annotate(NEW).labels.tolist()
    alone = [judged.annotate(NEW[[row]]).labels[0] for row in range(0, len(NEW), 23)]

    assert together[::23] == alone


def test_facts_say_what_held_out_cells_showed():
    judged = annotator(threshold=0.0, max_error=0.05)
    held_out = score_out_of_fold(X, LABELS, BATCH, fit=fit_probe, by_batch=True, seed=0)
    probabilities = softmax(held_out.logits / judged.facts["temperature"])
    is_right = probabilities.argmax(axis=1) == held_out.codes
    point, test = judged.rejection.point, judged.rejection.test
    given = (test.familiarity(held_out.novelty) > 0.05) & (
        probabilities.max(axis=1) > point.threshold
    )

    facts = judged.facts

    assert facts["n_judged"] == len(LABELS)
    assert facts["accuracy_judged"] == is_right.mean()
    assert facts["coverage_judged"] == given.mean()
    assert facts["error_judged"] == pytest.approx((~is_right[given]).mean())
    assert facts["error_judged_low"] <= facts["error_judged"] <= facts["error_judged_high"]
    assert facts["error_judged_high"] < facts["error_bound"] <= 0.05 == facts["max_error"]
    at_point = np.searchsorted(judged.curve.coverage, facts["coverage_judged"])
    assert judged.curve.coverage[at_point] == pytest.approx(facts["coverage_judged"])
    assert judged.curve.risk[at_point] == pytest.approx(facts["error_judged"])


def test_labels_too_few_to_judge_a_head_by_are_learnt_but_none_is_given_for_a_stated_error():
    rows = [0, 200]

    lenient, strict = (annotator(rows, threshold=0.0, max_error=e) for e in (None, 0.05))

    assert lenient.facts["n_judged"] == 0
    assert lenient.facts["temperature"] == 1.0
    assert set(lenient.annotate(NEW).labels) == {"type 0", "type 1"}
    assert set(strict.annotate(NEW).reasons) == {LOW_CONFIDENCE}


def test_a_stated_error_needs_a_measure_of_novelty():
    held_out = score_out_of_fold(X, LABELS, BATCH, fit=fit_probe, by_batch=True, seed=0)

    with pytest.raises(ValueError, match="Expected a measure of novelty"):
        calibrate(
            fit_probe(X, LABELS, seed=0), None, held_out, rules=LabelRules(max_error=0.1), seed=0
        )


@pytest.mark.parametrize(
    ("threshold", "max_error", "expected"),
    [(None, None, 0.5), (None, 0.05, 0.0), (0.7, 0.05, 0.7), (0.0, None, 0.0)],
    ids=["nothing said", "error alone", "both", "threshold alone"],
)
def test_a_confidence_of_a_half_is_asked_for_where_no_error_is_stated(
    threshold, max_error, expected
):
    rules = LabelRules.of(head="probe", threshold=threshold, max_error=max_error)

    assert rules == LabelRules(head="probe", threshold=expected, max_error=max_error)
