"""Cells that tell when to stop: a batch of their own where there are several, never test cells."""

from typing import Final

import numpy as np
import numpy.typing as npt

from genemamba.training.sampling import Split, Stream, int_seed

MIN_BATCHES: Final = 3
"""With fewer batches, holding one out would leave a single one to learn what batches share."""

MAX_SHARE: Final = 0.4
"""Of the labelled cells that may be held out as a batch."""


def validation_split(
    classes: npt.NDArray[np.int64],
    batch: npt.NDArray[np.str_],
    lengths: npt.NDArray[np.int64],
    *,
    fraction: float,
    seed: int,
) -> Split:
    """Choose the labelled cells that are scored to stop early, and those that are learnt from.

    A whole batch is held out where there are three or more, one of them has at most `MAX_SHARE` of
    the cells, and every class is left in the others; the one whose size is nearest to `fraction`
    of the cells. Else that fraction of each class is, rounded down: a class of few cells is learnt
    from whole.

    Parameters
    ----------
    classes
        Number of each cell's label, -1 where there is none, shape ``(n_obs,)``.
    batch
        Experimental batch of each cell, shape ``(n_obs,)``.
    lengths
        Tokens of each cell; cells without a token are in neither part, shape ``(n_obs,)``.
    fraction
        Of the labelled cells; 0 holds out none.
    seed
        Of the cells that are drawn from each class.
    """
    rows = np.flatnonzero((classes >= 0) & (lengths > 0))
    if not fraction:
        return Split(train=rows, heldout=rows[:0])
    chosen = _batch_to_hold_out(classes[rows], batch[rows], fraction)
    if chosen is not None:
        is_out = batch[rows] == chosen
        return Split(train=rows[~is_out], heldout=rows[is_out])
    rng = np.random.default_rng(int_seed(seed, Stream.SPLIT))
    drawn = [rows[:0]]
    for number in np.unique(classes[rows]):
        of_class = rng.permutation(rows[classes[rows] == number])
        drawn.append(of_class[: int(fraction * len(of_class))])
    heldout = np.sort(np.concatenate(drawn))
    return Split(train=np.setdiff1d(rows, heldout), heldout=heldout)


def _batch_to_hold_out(
    classes: npt.NDArray[np.int64], batch: npt.NDArray[np.str_], fraction: float
) -> str | None:
    names, sizes = np.unique(batch, return_counts=True)
    if len(names) < MIN_BATCHES:
        return None
    n_classes = len(np.unique(classes))
    fit = [
        (abs(size - fraction * len(batch)), str(name))
        for name, size in zip(names, sizes, strict=True)
        if size <= MAX_SHARE * len(batch) and len(np.unique(classes[batch != name])) == n_classes
    ]
    return min(fit)[1] if fit else None
