"""What makes a split worthless: a fold that teaches nothing, or a donor or copy on both sides."""

import numpy as np
import numpy.typing as npt

from genemamba.annotation.labelled_cells import MIN_TYPES
from genemamba.errors import SchemaError
from genemamba.evaluation.annotation.folds import Split
from genemamba.keys import UNKNOWN


def untaught_folds(split: Split, labels: npt.NDArray[np.str_]) -> SchemaError | None:
    """Return why a fold teaches nothing: it leaves fewer than two types to learn from.

    Parameters
    ----------
    split
        The split.
    labels
        Label of each cell, shape ``(n_obs,)``.
    """
    taught = {fold.name: np.unique(labels[fold.train]) for fold in split.folds}
    poor = {name: types for name, types in taught.items() if len(types) < MIN_TYPES}
    if not poor:
        return None
    name, types = next(iter(poor.items()))
    copies = f" without {split.n_copies:,} copies of held-out cells" if split.n_copies else ""
    found = f"only '{types[0]}'" if len(types) else "no cell"
    return SchemaError(
        expected="two or more types to learn from in every fold",
        found=f"{found} where '{name}' is held out{copies}",
        remedy="Hold out something else, or leave out deposits that repeat another's cells.",
        rule="split-one-type",
        count=len(poor),
        examples=list(poor)[:3],
    )


def donors_on_both_sides(split: Split, donor: npt.NDArray[np.str_]) -> SchemaError | None:
    """Return why a split does not say how new donors fare: it learns from those that it scores.

    Parameters
    ----------
    split
        The split.
    donor
        Donor of each cell, shape ``(n_obs,)``; where it is `UNKNOWN`, nobody can tell.
    """
    return _on_both_sides(
        split,
        donor,
        what="donor",
        remedy="Hold out whole donors with --hold-out donor.",
    )


def copies_on_both_sides(split: Split, content: npt.NDArray[np.str_]) -> SchemaError | None:
    """Return why a split scores what it has learnt by heart: equal cells on both sides.

    Parameters
    ----------
    split
        The split.
    content
        `keys.CONTENT_HASH` of each cell, shape ``(n_obs,)``.
    """
    return _on_both_sides(
        split,
        content,
        what="cell's copies",
        remedy="Leave the copies out of the training cells.",
    )


def _on_both_sides(
    split: Split, names: npt.NDArray[np.str_], *, what: str, remedy: str
) -> SchemaError | None:
    distinct, code_of = np.unique(names, return_inverse=True)
    concerned = {}
    for fold in split.folds:
        is_trained, is_tested = np.zeros((2, len(distinct)), dtype=bool)
        is_trained[code_of[fold.train]] = True
        is_tested[code_of[fold.test]] = True
        found = distinct[is_trained & is_tested & (distinct != UNKNOWN)].tolist()
        if found:
            concerned[fold.name] = found
    if not concerned:
        return None
    name, found = next(iter(concerned.items()))
    shared = sorted(set().union(*concerned.values()))
    others = f" and {len(shared) - 1:,} more" if len(shared) > 1 else ""
    return SchemaError(
        expected=f"each {what} on one side of every fold",
        found=f"'{found[0]}'{others} on both sides, first where '{name}' is held out",
        remedy=remedy,
        rule="split-both-sides",
        count=len(shared),
        examples=shared[:3],
    )
