"""How often cells of a type that nobody taught are called unknown, and at what price."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score

from genemamba.evaluation.annotation.folds import Split
from genemamba.evaluation.annotation.labellers import CalledCells, Labeller
from genemamba.evaluation.annotation.resampling import Interval, interval_of, resample_scores
from genemamba.evaluation.annotation.transfer import HeldOutLabels
from genemamba.keys import UNKNOWN
from genemamba.provenance import library_version


@dataclass(frozen=True, kw_only=True, slots=True)
class LeftOutType:
    """One type, after learning without it."""

    cell_type: str
    """Author's label."""
    n: int
    """Cells of the type."""
    rejected: float
    """Share of them that is called unknown: all should be."""
    rejected_interval: Interval
    taken_for: str
    """What most of the others are called; empty where all are rejected."""
    auroc: float
    """Probability that a held-out cell of a known type has more confidence than one of this type,
    a tie counting half; it needs no threshold. NaN without held-out cells of known types."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RejectionScore:
    """One method, over all types that were left out in turn."""

    rejected: float
    """Share of the left-out cells that is called unknown, over all types."""
    rejected_interval: Interval
    n: int
    """Left-out cells."""
    known_rejected: float
    """Share of held-out cells of known types that is called unknown all the same; NaN without."""
    known_error: float
    """Share of wrong labels among those of them that get one; NaN where none does."""
    n_known: int
    """Held-out cells of known types, once for each fold."""
    types: tuple[LeftOutType, ...]
    """Sorted by name."""
    interval_over: str
    """What was resampled for the intervals."""
    implementation: str
    """Library and version that computed the score: this one."""


def rejecting(labeller: Labeller, threshold: float) -> Labeller:
    """Make a labeller call cells unknown where its confidence is below a threshold.

    Parameters
    ----------
    labeller
        Gives every cell its best label.
    threshold
        Between 0 and 1.
    """

    def label(
        train: npt.NDArray[np.intp],
        labels: npt.NDArray[np.object_],
        test: npt.NDArray[np.intp],
        *,
        seed: int,
    ) -> CalledCells:
        called = labeller(train, labels, test, seed=seed)
        is_sure = called.confidence >= threshold
        return called._replace(labels=np.where(is_sure, called.labels, UNKNOWN))

    return label


def score_rejection(
    held_out: HeldOutLabels, split: Split, *, donor: npt.ArrayLike | None = None, seed: int
) -> RejectionScore:
    """Score what a method that may say unknown says to types that it was not taught.

    Parameters
    ----------
    held_out
        Its labels, `UNKNOWN` where it rejects.
    split
        The split, with a left-out type to each fold.
    donor
        Donor of each scored cell, shape ``(n_scored,)``.
    seed
        Of the bootstrap.
    """
    left_out = np.array([fold.name for fold in split.folds], dtype=object)[held_out.fold]
    is_left_out = held_out.truth == left_out
    is_rejected = held_out.predicted == UNKNOWN
    is_wrong = held_out.predicted != held_out.truth
    donors = None if donor is None else np.asarray(donor, dtype=object)

    def share(rows: npt.NDArray[np.bool_]) -> tuple[float, Interval, str]:
        return _share(is_rejected[rows], None if donors is None else donors[rows], seed)

    types = []
    for number, fold in enumerate(split.folds):
        here = held_out.fold == number
        rejected, interval, _ = share(here & is_left_out)
        types.append(
            LeftOutType(
                cell_type=fold.name,
                n=int(np.sum(here & is_left_out)),
                rejected=rejected,
                rejected_interval=interval,
                taken_for=_most_frequent(held_out.predicted[here & is_left_out & ~is_rejected]),
                auroc=_auroc(~is_left_out[here], held_out.confidence[here]),
            )
        )
    rejected, interval, over = share(is_left_out)
    accepted = ~is_left_out & ~is_rejected
    return RejectionScore(
        rejected=rejected,
        rejected_interval=interval,
        n=int(is_left_out.sum()),
        known_rejected=_mean(is_rejected[~is_left_out]),
        known_error=_mean(is_wrong[accepted]),
        n_known=int(np.sum(~is_left_out)),
        types=tuple(types),
        interval_over=over,
        implementation=library_version("genemamba-atlas"),
    )


def _share(
    flags: npt.NDArray[np.bool_], donor: npt.NDArray[np.object_] | None, seed: int
) -> tuple[float, Interval, str]:
    """Return the share of True, its interval, and what was resampled."""
    samples = resample_scores(
        np.full(len(flags), "True"), [flags.astype(str)], donor=donor, seed=seed
    )
    return float(flags.mean()), interval_of(samples.accuracy[:, 0]), samples.over


def _mean(flags: npt.NDArray[np.bool_]) -> float:
    return float(flags.mean()) if len(flags) else float("nan")


def _most_frequent(labels: npt.NDArray[np.object_]) -> str:
    if not len(labels):
        return ""
    names, counts = np.unique(labels.astype(str), return_counts=True)
    return str(names[counts.argmax()])


def _auroc(is_known: npt.NDArray[np.bool_], confidence: npt.NDArray[np.float64]) -> float:
    if is_known.all() or not is_known.any():
        return float("nan")
    return float(roc_auc_score(is_known, confidence))
