"""The finished head of an atlas: calibrated labels, and a reason where it gives none."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from genemamba.annotation.calibration import (
    CalibratedHead,
    expected_calibration_error,
    fit_temperature,
)
from genemamba.annotation.coverage import CoverageRisk, coverage_risk
from genemamba.annotation.cross_fitting import HeldOutScores, score_out_of_fold
from genemamba.annotation.familiarity import FamiliarityTest, calibrate_familiarity
from genemamba.annotation.head import Head, softmax, transfer
from genemamba.annotation.label_rules import (
    ACCEPTED,
    HEADS,
    LOW_CONFIDENCE,
    UNFAMILIAR,
    LabelRules,
)
from genemamba.annotation.novelty import Novelty, fit_novelty
from genemamba.annotation.operating_point import (
    DELTA,
    OperatingPoint,
    choose_operating_point,
    error_interval,
)
from genemamba.keys import UNKNOWN
from genemamba.provenance import Json

NOVEL_SHARE: Final = 0.05
"""Share of cells of the labelled types that may be taken for something else."""


class CellLabels(NamedTuple):
    """What is said of some cells."""

    labels: npt.NDArray[np.object_]
    """Best label, `UNKNOWN` where it is rejected, shape ``(n_obs,)``."""
    confidence: npt.NDArray[np.float64]
    """Probability of the best label, rejected or not, shape ``(n_obs,)``."""
    reasons: npt.NDArray[np.object_]
    """`ACCEPTED`, or why not, shape ``(n_obs,)``."""
    probabilities: npt.NDArray[np.float64]
    """Shape ``(n_obs, n_classes)``."""


class Rejection(NamedTuple):
    """Which labels are held back so that the others keep to a stated error."""

    novelty: Novelty
    test: FamiliarityTest
    point: OperatingPoint


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Annotator:
    """A head with the rules by which its labels are accepted; each cell is judged by itself."""

    head: CalibratedHead
    rules: LabelRules
    rejection: Rejection | None
    """Only with a stated error."""
    curve: CoverageRisk
    """Of labelled cells by heads that did not learn from them."""
    facts: Mapping[str, Json] = field(default_factory=dict)
    """What held-out cells showed, and what the rules came to."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Labels in sorted order, one a column of the probabilities."""
        return self.head.classes

    def annotate(self, X: npt.NDArray[np.floating]) -> CellLabels:
        """Label cells.

        Parameters
        ----------
        X
            Embedding, shape ``(n_obs, n_dims)``.
        """
        found = transfer(self.head, X, threshold=0.0)
        reasons = np.full(len(X), ACCEPTED, dtype=object)
        reasons[found.confidence < self.rules.threshold] = LOW_CONFIDENCE
        if self.rejection:
            reasons[~(found.confidence > self.rejection.point.threshold)] = LOW_CONFIDENCE
            scores = self.rejection.novelty.scores(X)
            reasons[self.rejection.test.familiarity(scores) <= NOVEL_SHARE] = UNFAMILIAR
        return CellLabels(
            labels=np.where(reasons == ACCEPTED, found.labels, UNKNOWN),
            confidence=found.confidence,
            reasons=reasons,
            probabilities=found.probabilities,
        )


def fit_annotator(
    X: npt.NDArray[np.floating],
    labels: npt.NDArray[np.str_],
    batch: npt.NDArray[np.str_],
    *,
    rules: LabelRules,
    by_batch: bool,
    seed: int,
) -> Annotator:
    """Learn a head from all labelled cells, and how sure to be of it from cells held out in turn.

    Parameters
    ----------
    X
        Embedding of labelled cells, shape ``(n_obs, n_dims)``.
    labels
        Label of each, of two types or more, none unknown, shape ``(n_obs,)``.
    batch
        Experimental batch of each, shape ``(n_obs,)``.
    rules
        Which head, and when it may answer.
    by_batch
        Judge the head by batches that it has not seen, as it is to label such; see
        `score_out_of_fold`.
    seed
        Of the heads, and of the deal.
    """
    fit = HEADS[rules.head]
    held_out = score_out_of_fold(X, labels, batch, fit=fit, by_batch=by_batch, seed=seed)
    head = fit(X, labels, seed=seed)
    novelty = fit_novelty(X, labels, head=head, seed=seed) if rules.max_error is not None else None
    return calibrate(head, novelty, held_out, rules=rules, seed=seed)


def calibrate(
    head: Head,
    novelty: Novelty | None,
    held_out: HeldOutScores,
    *,
    rules: LabelRules,
    seed: int,
) -> Annotator:
    """Make an annotator of a head, judged by cells that it, or its like, did not learn from.

    The statement of `choose_operating_point` is about the heads that scored these cells. Where
    that was one head and it is the one kept, it holds as it stands. Where heads were fitted in
    turn, the one that is kept learnt from more cells than any of them; the statement is then
    about its lesser twins, and what it rests on besides is that a head does not get worse by
    learning from more cells. Temperature and familiarity come from the same cells; they are one
    number, and one cut that knows no label. A batch that differs from the others more than they
    do from one another is beyond any such statement: it is not drawn from where they are. To ask
    that no held-out batch has more errors than stated did not help where that was so, and cost a
    fifth of the labels elsewhere.

    Parameters
    ----------
    head
        Learnt from labelled cells.
    novelty
        What these look like; needed where an error is stated.
    held_out
        Scores of cells not learnt from.
    rules
        When the head may answer.
    seed
        Deals cells between the two halves of the test of familiarity.
    """
    temperature = fit_temperature(held_out.logits, held_out.codes)
    probabilities_NC = softmax(held_out.logits / temperature)
    is_right = probabilities_NC.argmax(axis=1) == held_out.codes
    confidence = probabilities_NC.max(axis=1)
    rejection, sure = None, confidence
    if rules.max_error is not None:
        if novelty is None:
            msg = "Expected a measure of novelty with a stated error, found none."
            raise ValueError(msg)
        test = calibrate_familiarity(held_out.novelty, seed=seed)
        familiar = test.familiarity(held_out.novelty) > NOVEL_SHARE
        sure = np.where(familiar, confidence, -np.inf)
        point = choose_operating_point(
            confidence[familiar], is_right[familiar], max_error=rules.max_error
        )
        rejection = Rejection(novelty, test, point)
    facts = {
        "head": rules.head,
        "temperature": temperature,
        "threshold": rules.threshold,
        "judged_by": held_out.kind,
        **_calibration_facts(softmax(held_out.logits).max(axis=1), confidence, is_right),
        **(_rejection_facts(rejection, rules) if rejection else {}),
    }
    accepted = sure >= rules.threshold
    if rejection:
        accepted &= sure > rejection.point.threshold
    return Annotator(
        head=CalibratedHead(head=head, temperature=temperature),
        rules=rules,
        rejection=rejection,
        curve=coverage_risk(sure, is_right),
        facts={**facts, **_operating_facts(accepted, is_right)},
    )


def _calibration_facts(
    before: npt.NDArray[np.float64], after: npt.NDArray[np.float64], is_right: npt.NDArray[np.bool_]
) -> dict[str, Json]:
    """Say how well confidence tells accuracy, before and after the temperature."""
    if not len(is_right):
        return {"n_judged": 0}
    return {
        "n_judged": len(is_right),
        "accuracy_judged": float(is_right.mean()),
        "calibration_error_before": expected_calibration_error(before, is_right),
        "calibration_error": expected_calibration_error(after, is_right),
    }


def _rejection_facts(rejection: Rejection, rules: LabelRules) -> dict[str, Json]:
    return {
        "max_error": rules.max_error,
        "certainty": 1 - DELTA,
        "confidence_above": rejection.point.threshold,
        "familiarity_above": NOVEL_SHARE,
        "error_bound": rejection.point.bound,
    }


def _operating_facts(
    accepted: npt.NDArray[np.bool_], is_right: npt.NDArray[np.bool_]
) -> dict[str, Json]:
    """Say which share of the held-out cells is accepted, and how many of these are wrong."""
    n, n_wrong = int(accepted.sum()), int((accepted & ~is_right).sum())
    if not n:
        return {"coverage_judged": 0.0}
    low, high = error_interval(n_wrong, n)
    return {
        "coverage_judged": n / len(accepted),
        "error_judged": n_wrong / n,
        "error_judged_low": low,
        "error_judged_high": high,
    }
