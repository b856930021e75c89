"""Whether rejection does what it says: labels are taken away and predicted anew."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genemamba.annotation.annotator import fit_annotator
from genemamba.annotation.label_rules import LabelRules
from genemamba.annotation.labelled_cells import can_learn_from
from genemamba.annotation.operating_point import error_interval
from genemamba.keys import UNKNOWN


class RejectionScore(NamedTuple):
    """What became of cells whose labels were taken away."""

    n_known: int
    """Cells of types that other cells are labelled with."""
    n_accepted: int
    """Of these with a predicted label."""
    n_wrong: int
    """Of these with a wrong one."""
    n_novel: int
    """Cells of types that no other cell is labelled with."""
    n_rejected: int
    """Of these without a predicted label, as it should be."""

    @property
    def error(self) -> float:
        """Share of the accepted labels that are wrong, where the type is known; nan without one."""
        return self.n_wrong / self.n_accepted if self.n_accepted else np.nan

    @property
    def error_interval(self) -> tuple[float, float]:
        """95 % interval of the error (Clopper and Pearson 1934), as if cells were independent."""
        return error_interval(self.n_wrong, self.n_accepted)

    @property
    def coverage(self) -> float:
        """Share of the cells of known types with a predicted label; nan without a cell."""
        return self.n_accepted / self.n_known if self.n_known else np.nan

    @property
    def novel_rejected(self) -> float:
        """Share of the cells of unknown types without a predicted label; nan without a cell."""
        return self.n_rejected / self.n_novel if self.n_novel else np.nan


def score_rejection(
    X: npt.NDArray[np.floating],
    labels: npt.ArrayLike,
    batch: npt.ArrayLike,
    held_out: Iterable[npt.NDArray[np.intp]],
    *,
    rules: LabelRules,
    seed: int,
) -> RejectionScore:
    """Take the labels of some cells away, learn from the others, and annotate; over again.

    For the error at the target, hold out each batch, or each tenth of the cells; for the rejection
    of unknown types, each type, with `rows_of_each`.

    Parameters
    ----------
    X
        Embedding, shape ``(n_obs, n_dims)``.
    labels
        Author's label of each cell, `UNKNOWN` where there is none, shape ``(n_obs,)``.
    batch
        Experimental batch of each cell, shape ``(n_obs,)``.
    held_out
        Rows whose labels are taken away together. Where fewer than two types are left to learn
        from, they count for nothing.
    rules
        Which head, and when it may answer.
    seed
        Of the heads.
    """
    labels, batch = (np.asarray(values, dtype=object).astype(str) for values in (labels, batch))
    total = np.zeros(len(RejectionScore._fields), dtype=int)
    for rows in held_out:
        is_learnt = labels != UNKNOWN
        rows = rows[is_learnt[rows]]
        is_learnt[rows] = False
        if not can_learn_from(labels[is_learnt]):
            continue
        annotator = fit_annotator(
            X[is_learnt],
            labels[is_learnt],
            batch[is_learnt],
            rules=rules,
            by_batch=not np.isin(batch[rows], batch[is_learnt]).all(),
            seed=seed,
        )
        predicted = annotator.annotate(X[rows]).labels
        is_known = np.isin(labels[rows], labels[is_learnt])
        accepted = predicted != UNKNOWN
        wrong = accepted & (predicted != labels[rows])
        counted = (
            is_known,
            is_known & accepted,
            is_known & wrong,
            ~is_known,
            ~is_known & ~accepted,
        )
        total += [int(cells.sum()) for cells in counted]
    return RejectionScore(*total.tolist())


def rows_of_each(values: npt.ArrayLike) -> list[npt.NDArray[np.intp]]:
    """Return the rows of each type, or of each batch, in sorted order.

    Parameters
    ----------
    values
        Of each cell, `UNKNOWN` where there is none, shape ``(n_obs,)``.
    """
    names = np.asarray(values, dtype=object).astype(str)
    return [np.flatnonzero(names == name) for name in np.unique(names) if name != UNKNOWN]
