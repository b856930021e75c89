"""How well held-out cells are named: ours and every baseline on the same split."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from genemamba.evaluation.annotation.comparison import Comparison, compare_with_best
from genemamba.evaluation.annotation.folds import Split, SplitKind
from genemamba.evaluation.annotation.labellers import Labeller
from genemamba.evaluation.annotation.rejection import RejectionScore, rejecting, score_rejection
from genemamba.evaluation.annotation.scores import AnnotationScore, score_annotation
from genemamba.evaluation.annotation.transfer import HeldOutLabels, label_held_out
from genemamba.provenance import Json, finite_or_none
from genemamba.storage import Progress

OURS: Final = "genemamba"
"""The head on `keys.X_GENEMAMBA`."""

THRESHOLD: Final = 0.5
"""Confidence below which a method that does not say unknown by itself is taken to reject a cell,
where types are left out: the default of ``genemamba annotate``."""

LabellerMaker = Callable[[], Labeller]
"""Makes a labeller when its turn comes."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class AnnotationEvaluation:
    """Scores of methods on one split."""

    split_kind: SplitKind | None = None
    """What was held out; None without labels to hold out."""
    split: str | None = None
    """The same with counts."""
    scores: Mapping[str, AnnotationScore] = field(default_factory=dict)
    """By method, ours first; empty without labels to hold out and where types are left out."""
    comparisons: tuple[Comparison, ...] = ()
    """Ours against the best baseline, in accuracy and in macro-F1."""
    rejections: Mapping[str, RejectionScore] = field(default_factory=dict)
    """By method, ours first, where types are left out."""
    calls: Mapping[str, HeldOutLabels] = field(default_factory=dict)
    """Every label that was scored, by method."""
    notes: tuple[str, ...] = ()
    """Why annotation is not scored, what was not learnt from, and which method failed."""

    def summary(self) -> dict[str, Json]:
        """Return the figures that a person asks for first, by method."""
        return {
            "annotation": {
                name: {
                    "accuracy": score.accuracy,
                    "accuracy_interval": list(score.accuracy_interval),
                    "macro_f1": score.macro_f1,
                    "macro_f1_interval": list(score.macro_f1_interval),
                    "interval_over": score.interval_over,
                    "n": score.n,
                }
                for name, score in self.scores.items()
            },
            "comparison": {
                one.metric: {
                    "baseline": one.baseline,
                    "difference": one.difference,
                    "interval": list(one.interval),
                    "interval_over": one.interval_over,
                    "share_above_zero": one.share_above_zero,
                    "mcnemar_p": one.mcnemar_p,
                    "n": one.n,
                }
                for one in self.comparisons
            },
            "rejection": {
                name: {
                    "left_out_rejected": score.rejected,
                    "interval": list(score.rejected_interval),
                    "known_rejected": finite_or_none(score.known_rejected),
                    "known_error": finite_or_none(score.known_error),
                    "n": score.n,
                    "types": {
                        one.cell_type: {"rejected": one.rejected, "n": one.n} for one in score.types
                    },
                }
                for name, score in self.rejections.items()
            },
            "split": {"kind": self.split_kind, "summary": self.split},
        }


def evaluate_annotation(
    labels: npt.ArrayLike,
    split: Split,
    ours: Labeller,
    baselines: Mapping[str, LabellerMaker],
    *,
    donor: npt.ArrayLike | None = None,
    seed: int,
    threshold: float = THRESHOLD,
    progress: Progress | None = None,
) -> AnnotationEvaluation:
    """Score ours and the baselines on the same held-out cells.

    A baseline that fails is noted and the others are scored; where ours fails, nothing is.

    Parameters
    ----------
    labels
        Author's label of each cell, `UNKNOWN` where there is none, shape ``(n_obs,)``.
    split
        Who is learnt from and who is scored.
    ours
        Our way of labelling, a rejecting one where types are left out and it rejects by itself.
    baselines
        Others, by name, made when their turn comes.
    donor
        Donor of each cell, shape ``(n_obs,)``: intervals are then over donors.
    seed
        Of labellers and bootstraps.
    threshold
        As `THRESHOLD`.
    progress
        Called with methods done and methods in all.
    """
    leaves_out = split.kind == "left-out type"
    calls: dict[str, HeldOutLabels] = {}
    notes = _notes(split)
    makers: dict[str, LabellerMaker] = {OURS: lambda: ours, **baselines}
    for done, (name, make) in enumerate(makers.items()):
        try:
            labeller = rejecting(make(), threshold) if leaves_out else make()
            calls[name] = label_held_out(labeller, labels, split, seed=seed)
        except Exception as error:
            if name == OURS:
                raise
            notes.append(f"{name} failed: {type(error).__name__}: {error}")
        if progress is not None:
            progress(done + 1, len(makers))
    donors = None if donor is None else np.asarray(donor, dtype=object)[calls[OURS].rows]
    scores: dict[str, AnnotationScore] = {}
    rejections: dict[str, RejectionScore] = {}
    if leaves_out:
        for name, called in calls.items():
            rejections[name] = score_rejection(called, split, donor=donors, seed=seed)
    else:
        for name, called in calls.items():
            scores[name] = score_annotation(called.truth, called.predicted, donor=donors, seed=seed)
    return AnnotationEvaluation(
        split_kind=split.kind,
        split=split.summary,
        scores=scores,
        comparisons=compare_with_best(OURS, calls, scores, donor=donors, seed=seed),
        rejections=rejections,
        calls=calls,
        notes=tuple(notes),
    )


def _notes(split: Split) -> list[str]:
    if not split.n_copies:
        return []
    return [f"Labelled cells not learnt from where a copy is scored: {split.n_copies:,}."]
