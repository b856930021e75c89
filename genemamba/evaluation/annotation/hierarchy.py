"""How right labels are in the Cell Ontology, where a near miss is better than a far one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from genemamba.evaluation.annotation.resampling import (
    MIN_DONORS,
    N_RESAMPLES,
    Interval,
    interval_of,
)
from genemamba.ontology.graph import ROOT, CellOntology
from genemamba.provenance import library_version

SHARED, CALLED, TRUE, RIGHT = range(4)
"""Columns of what one pair of terms adds: terms in both lineages, terms in the prediction's,
terms in the author's, and whether the prediction is the author's term or below it."""

NO_TERM: Final = ""
"""Stands for a prediction without a term: unknown, or a label that means none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HierarchyScore:
    """What there is to say about predicted terms."""

    n: int
    """Cells whose author's label has a term, and that are scored."""
    n_without_term: int
    """Cells whose author's label has none, and that are not."""
    precision: float
    """Of all terms that the predictions claim, the share that is true; 0 where none claims any."""
    recall: float
    """Of all terms that are true of the cells, the share that the predictions claim."""
    f1: float
    """Harmonic mean of both."""
    f1_interval: Interval
    accuracy: float
    """Share of cells that are called the author's term or one below it; a term above is wrong."""
    accuracy_interval: Interval
    interval_over: str
    """What was resampled for the intervals: ``cells``, or ``12 donors``."""
    release: str
    """Of the Cell Ontology."""
    implementation: str
    """Library and version that computed the numbers: this one."""


def score_labels(
    truth: npt.ArrayLike,
    predicted: npt.ArrayLike,
    terms: Mapping[str, str],
    ontology: CellOntology,
    *,
    seed: int,
    donor: npt.ArrayLike | None = None,
    n_resamples: int = N_RESAMPLES,
) -> HierarchyScore:
    """Compare predicted labels with the authors' by the terms that both mean.

    Parameters
    ----------
    truth, predicted
        Labels of the same cells, shape ``(n_obs,)``.
    terms
        Term ids by label; a label that is absent means none.
    ontology, seed, donor, n_resamples
        As for `score_terms`.

    Raises
    ------
    ValueError
        As for `score_terms`.
    """
    return score_terms(
        _translate(truth, terms),
        _translate(predicted, terms),
        ontology,
        seed=seed,
        donor=donor,
        n_resamples=n_resamples,
    )


def score_terms(
    truth: npt.ArrayLike,
    predicted: npt.ArrayLike,
    ontology: CellOntology,
    *,
    seed: int,
    donor: npt.ArrayLike | None = None,
    n_resamples: int = N_RESAMPLES,
) -> HierarchyScore:
    r"""Compare predicted terms with the authors', each with all terms above it.

    With :math:`\hat P_i` the predicted term of cell *i* and its ancestors, and :math:`\hat T_i` the
    author's, precision is :math:`\sum_i |\hat P_i \cap \hat T_i| / \sum_i |\hat P_i|` and recall
    :math:`\sum_i |\hat P_i \cap \hat T_i| / \sum_i |\hat T_i|`. The root, ``cell``, is in neither
    set: every cell is one, and claiming it is no merit. So is a cell without a predicted term: it
    claims nothing, costs no precision, and lowers recall.

    Parameters
    ----------
    truth
        Author's term of each cell, `NO_TERM` where there is none: such cells are left out.
    predicted
        Predicted term of each cell, `NO_TERM` where there is none, shape ``(n_obs,)``.
    ontology
        The release that the terms are of.
    seed
        Of the bootstrap.
    donor
        Donor of each cell, shape ``(n_obs,)``: with `MIN_DONORS` or more, whole donors are
        resampled, else cells are.
    n_resamples
        Bootstrap samples.

    Raises
    ------
    ValueError
        No cell has an author's term.

    References
    ----------
    Kiritchenko, Matwin and Famili (2005), Functional annotation of genes using hierarchical text
    categorization, BioLINK SIG; Kiritchenko, Matwin, Nock and Famili (2006), Learning and
    evaluation in the presence of class hierarchies, Canadian AI, section 3.
    """
    truth, predicted = (np.asarray(ids, dtype=object).astype(str) for ids in (truth, predicted))
    placed = truth != NO_TERM
    if not placed.any():
        msg = "Expected an author's term for one cell or more, found none."
        raise ValueError(msg)
    pairs, pair_of = np.unique(
        np.column_stack([truth[placed], predicted[placed]]), axis=0, return_inverse=True
    )
    adds = np.array([_compare(ontology, *pair) for pair in pairs.tolist()], dtype=np.float64)
    donor_of = _number_donors(donor, placed)
    n_donors = int(donor_of.max()) + 1
    counts = np.zeros((n_donors, len(pairs)))
    np.add.at(counts, (donor_of, pair_of.ravel()), 1)
    n = int(placed.sum())
    precision, recall, f1, accuracy = _rates(counts.sum(axis=0) @ adds, n)
    f1_interval, accuracy_interval = _intervals(counts, adds, seed=seed, n_resamples=n_resamples)
    return HierarchyScore(
        n=n,
        n_without_term=len(truth) - n,
        precision=float(precision),
        recall=float(recall),
        f1=float(f1),
        f1_interval=f1_interval,
        accuracy=float(accuracy),
        accuracy_interval=accuracy_interval,
        interval_over=f"{n_donors:,} donors" if n_donors >= MIN_DONORS else "cells",
        release=ontology.release,
        implementation=library_version("genemamba-atlas"),
    )


def _translate(labels: npt.ArrayLike, terms: Mapping[str, str]) -> npt.NDArray[np.object_]:
    names, name_of = np.unique(np.asarray(labels, dtype=object).astype(str), return_inverse=True)
    found = np.array([terms.get(name, NO_TERM) for name in names.tolist()], dtype=object)
    return np.asarray(found[name_of])


def _compare(ontology: CellOntology, truth: str, predicted: str) -> tuple[int, int, int, int]:
    """Return what a cell with these terms adds to the sums, in the order of the columns."""
    true = ontology.lineage(truth)
    called = ontology.lineage(predicted) if predicted != NO_TERM else frozenset()
    right = predicted == truth or (truth != ROOT and truth in called)
    return len(true & called), len(called), len(true), int(right)


def _number_donors(
    donor: npt.ArrayLike | None, placed: npt.NDArray[np.bool_]
) -> npt.NDArray[np.intp]:
    if donor is None:
        return np.zeros(int(placed.sum()), dtype=np.intp)
    names = np.asarray(donor, dtype=object).astype(str)[placed]
    return np.asarray(np.unique(names, return_inverse=True)[1])


def _rates(
    sums: npt.NDArray[np.float64], n: float | npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], ...]:
    """Turn sums, shape ``(..., 4)``, into precision, recall, F1 and accuracy, shape ``(...)``."""
    shared, called, true = sums[..., SHARED], sums[..., CALLED], sums[..., TRUE]
    precision = shared / np.maximum(called, 1)
    recall = shared / np.maximum(true, 1)
    # 2PR / (P + R), which is defined where both are 0, too.
    f1 = 2 * shared / np.maximum(called + true, 1)
    return precision, recall, f1, sums[..., RIGHT] / n


def _intervals(
    counts: npt.NDArray[np.float64],
    adds: npt.NDArray[np.float64],
    *,
    seed: int,
    n_resamples: int,
) -> tuple[Interval, Interval]:
    """Resample donors, or cells where they are few; only their pairs of terms matter."""
    rng = np.random.default_rng(seed)
    n_donors, of_pair = len(counts), counts.sum(axis=0)
    if n_donors >= MIN_DONORS:
        drawn = rng.multinomial(n_donors, np.full(n_donors, 1 / n_donors), size=n_resamples)
        resampled = drawn @ counts
    else:
        n = int(of_pair.sum())
        resampled = rng.multinomial(n, of_pair / n, size=n_resamples).astype(np.float64)
    _, _, f1, accuracy = _rates(resampled @ adds, resampled.sum(axis=1))
    return interval_of(f1), interval_of(accuracy)
