"""How often labels are right: accuracy, macro-F1, each type, and who is taken for whom."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.metrics import precision_recall_fscore_support

from genemamba.evaluation.annotation.resampling import (
    N_RESAMPLES,
    Interval,
    interval_of,
    resample_scores,
)
from genemamba.provenance import library_version


@dataclass(frozen=True, kw_only=True, slots=True)
class TypeScore:
    """One author type."""

    cell_type: str
    """Author's label."""
    n: int
    """Cells of the type."""
    precision: float
    """Share of the cells so called that are so; 0 where no cell is so called."""
    recall: float
    """Share of the type's cells that are so called."""
    f1: float
    """Harmonic mean of both."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Confusion:
    """Cells by author's label and by prediction."""

    truth: tuple[str, ...]
    """Row names, sorted: the types present in the truth."""
    predicted: tuple[str, ...]
    """Column names: the types of the truth, then whatever else was predicted, sorted."""
    counts: npt.NDArray[np.int64]
    """Shape ``(len(truth), len(predicted))``."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class AnnotationScore:
    """What there is to say about one set of predictions."""

    n: int
    """Cells scored."""
    accuracy: float
    """Share of cells with the author's label."""
    accuracy_interval: Interval
    macro_f1: float
    """Mean F1 over the types present in the truth.

    scikit-learn's ``f1_score(average="macro")`` also counts types that were only predicted, with an
    F1 of 0: there one call of a type that no author used costs as much as missing a whole type.
    """
    macro_f1_interval: Interval
    types: tuple[TypeScore, ...]
    """Sorted by name."""
    confusion: Confusion
    implementation: str
    """Library and version that computed accuracy and macro-F1: this one."""
    interval_over: str = "cells"
    """What was resampled for the intervals: ``cells``, or ``12 donors``."""


def score_annotation(
    truth: npt.ArrayLike,
    predicted: npt.ArrayLike,
    *,
    seed: int,
    donor: npt.ArrayLike | None = None,
    n_resamples: int = N_RESAMPLES,
) -> AnnotationScore:
    """Compare predicted labels with the authors'.

    Parameters
    ----------
    truth
        Author's label of each scored cell, shape ``(n_obs,)``, at least one cell.
    predicted
        Predicted label of the same cells, shape ``(n_obs,)``; may hold labels that no author used.
    seed
        Of the bootstrap.
    donor
        Donor of each scored cell, shape ``(n_obs,)``: with several, whole donors are resampled.
        Without, cells are, which takes batches and types as they are: such an interval says nothing
        about other donors.
    n_resamples
        Bootstrap samples.
    """
    truth = np.asarray(truth, dtype=object).astype(str)
    predicted = np.asarray(predicted, dtype=object).astype(str)
    confusion = confusion_matrix(truth, predicted)
    accuracy, macro_f1 = _accuracy_and_macro_f1(confusion.counts)
    samples = resample_scores(truth, [predicted], donor=donor, seed=seed, n_resamples=n_resamples)
    return AnnotationScore(
        n=len(truth),
        accuracy=accuracy,
        accuracy_interval=interval_of(samples.accuracy[:, 0]),
        macro_f1=macro_f1,
        macro_f1_interval=interval_of(samples.macro_f1[:, 0]),
        types=_type_scores(truth, predicted, confusion.truth),
        confusion=confusion,
        implementation=library_version("genemamba-atlas"),
        interval_over=samples.over,
    )


def confusion_matrix(truth: npt.NDArray[np.str_], predicted: npt.NDArray[np.str_]) -> Confusion:
    """Count cells by author's label and prediction.

    Parameters
    ----------
    truth, predicted
        Labels of the same cells, shape ``(n_obs,)``.
    """
    rows, row_of = np.unique(truth, return_inverse=True)
    columns = np.concatenate([rows, np.setdiff1d(predicted, rows)])
    order = np.argsort(columns, kind="stable")
    column_of = order[np.searchsorted(columns, predicted, sorter=order)]
    counts = np.zeros((len(rows), len(columns)), dtype=np.int64)
    np.add.at(counts, (row_of, column_of), 1)
    return Confusion(truth=tuple(rows.tolist()), predicted=tuple(columns.tolist()), counts=counts)


def _type_scores(
    truth: npt.NDArray[np.str_], predicted: npt.NDArray[np.str_], types: tuple[str, ...]
) -> tuple[TypeScore, ...]:
    columns = precision_recall_fscore_support(
        truth, predicted, labels=list(types), zero_division=0.0
    )
    return tuple(
        TypeScore(cell_type=name, n=int(n), precision=float(p), recall=float(r), f1=float(f))
        for name, p, r, f, n in zip(types, *columns, strict=True)
    )


def _accuracy_and_macro_f1(counts: npt.NDArray[np.int64]) -> tuple[float, float]:
    """Take both from a confusion matrix whose first columns are its rows.

    F1 = 2 TP / (cells of the type + cells so called), averaged over types with cells.
    """
    right = counts.diagonal()
    n_truth, n_called = counts.sum(axis=1), counts.sum(axis=0)[: len(counts)]
    present = n_truth > 0
    f1 = 2 * right[present] / (n_truth + n_called)[present]
    return float(right.sum() / counts.sum()), float(f1.mean())
