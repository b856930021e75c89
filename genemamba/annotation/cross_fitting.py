"""What heads say of labelled cells that they did not learn from."""

from typing import Final, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import GroupKFold

from genemamba.annotation.head import FitHead, Head
from genemamba.annotation.labelled_cells import can_learn_from
from genemamba.annotation.novelty import Novelty, NoveltyScores, fit_novelty

HeldOutKind = Literal["held-out batch", "held-out cells"]
"""What a head had not seen of the cells that it is judged by."""

MAX_FOLDS: Final = 5
"""Heads that are fitted to judge the one that is kept: each learns from four fifths of the cells."""

MIN_KNOWN: Final = 0.5
"""Share of the cells whose type other batches have; with fewer, batches hardly compare."""


class HeldOutScores(NamedTuple):
    """Scores of labelled cells by heads that did not learn from them."""

    kind: HeldOutKind
    """What those heads had not seen."""
    classes: tuple[str, ...]
    """Labels in sorted order, one a column."""
    codes: npt.NDArray[np.intp]
    """Column of each cell's own label, shape ``(n_obs,)``."""
    logits: npt.NDArray[np.float64]
    """Minus infinity where a cell's head did not know the label, shape ``(n_obs, n_classes)``."""
    novelty: NoveltyScores
    """How unlike the cells that its head learnt from each one is."""


def score_out_of_fold(
    X: npt.NDArray[np.floating],
    labels: npt.NDArray[np.str_],
    batch: npt.NDArray[np.str_],
    *,
    fit: FitHead,
    by_batch: bool,
    seed: int,
) -> HeldOutScores:
    """Score each labelled cell by a head that learnt from others.

    A cell whose type is among none of the others is left out: nothing is to be learnt from how a
    head errs that cannot be right.

    Parameters
    ----------
    X
        Embedding of the labelled cells, shape ``(n_obs, n_dims)``.
    labels
        Label of each, of two types or more, none unknown, shape ``(n_obs,)``.
    batch
        Experimental batch of each, shape ``(n_obs,)``.
    fit
        Learns a head.
    by_batch
        Hold out whole batches, as cells of a new batch meet a head; else cells of every batch.
        Where batches share too few types, cells are held out all the same.
    seed
        Deals the cells, and seeds the heads.
    """
    if by_batch and len(set(batch)) > 1:
        found = _score(X, labels, _batch_folds(batch), "held-out batch", fit, seed)
        if len(found.codes) >= MIN_KNOWN * len(labels):
            return found
    return _score(X, labels, _cell_folds(labels, seed), "held-out cells", fit, seed)


def score_held_out(
    head: Head,
    novelty: Novelty,
    X: npt.NDArray[np.floating],
    labels: npt.NDArray[np.str_],
    *,
    kind: HeldOutKind,
) -> HeldOutScores:
    """Score labelled cells that one head did not learn from; those of types it lacks are left out.

    Parameters
    ----------
    head, novelty
        Learnt from other cells.
    X
        Embedding, shape ``(n_obs, n_dims)``.
    labels
        Label of each cell, shape ``(n_obs,)``.
    kind
        What the head has not seen of them.
    """
    classes = np.array(head.classes)
    rows = np.flatnonzero(np.isin(labels, classes))
    return HeldOutScores(
        kind=kind,
        classes=head.classes,
        codes=np.searchsorted(classes, labels[rows]),
        logits=head.logits(X[rows]),
        novelty=novelty.scores(X[rows]),
    )


def _score(
    X: npt.NDArray[np.floating],
    labels: npt.NDArray[np.str_],
    fold: npt.NDArray[np.intp],
    kind: HeldOutKind,
    fit: FitHead,
    seed: int,
) -> HeldOutScores:
    parts = []
    for number in range(fold.max() + 1):
        is_seen = fold != number
        if can_learn_from(labels[is_seen]):
            head = fit(X[is_seen], labels[is_seen], seed=seed)
            novelty = fit_novelty(X[is_seen], labels[is_seen], head=head, seed=seed)
            parts.append(score_held_out(head, novelty, X[~is_seen], labels[~is_seen], kind=kind))
    return _join(parts, tuple(np.unique(labels).tolist()), kind)


def _join(parts: list[HeldOutScores], classes: tuple[str, ...], kind: HeldOutKind) -> HeldOutScores:
    """Put cells behind cells, over all the labels that any head knows."""
    codes, logits = [np.empty(0, dtype=np.intp)], [np.empty((0, len(classes)))]
    for part in parts:
        columns = np.searchsorted(classes, part.classes)
        codes.append(columns[part.codes])
        logits.append(np.full((len(part.codes), len(classes)), -np.inf))
        logits[-1][:, columns] = part.logits
    return HeldOutScores(
        kind=kind,
        classes=classes,
        codes=np.concatenate(codes),
        logits=np.concatenate(logits),
        novelty=NoveltyScores.join([part.novelty for part in parts]),
    )


def _batch_folds(batch: npt.NDArray[np.str_]) -> npt.NDArray[np.intp]:
    """Deal batches, largest first, each to the fold with the fewest cells."""
    fold = np.empty(len(batch), dtype=np.intp)
    dealer = GroupKFold(min(MAX_FOLDS, len(set(batch))))
    for number, (_, held_out) in enumerate(dealer.split(batch, groups=batch)):
        fold[held_out] = number
    return fold


def _cell_folds(labels: npt.NDArray[np.str_], seed: int) -> npt.NDArray[np.intp]:
    """Deal the cells of each type in turn, so that every fold has its share."""
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    dealt = shuffled[np.argsort(labels[shuffled], kind="stable")]
    fold = np.empty(len(labels), dtype=np.intp)
    fold[dealt] = np.arange(len(labels)) % MAX_FOLDS
    return fold
