"""Which labelled cells are learnt from and which are scored."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from genemamba.annotation.labelled_cells import MIN_TYPES
from genemamba.errors import SchemaError
from genemamba.evaluation.annotation.folds import GROUPS, Fold, Split, SplitKind
from genemamba.evaluation.annotation.split_checks import donors_on_both_sides, untaught_folds
from genemamba.keys import UNKNOWN

MAX_FOLDS: Final = 10
"""More groups than this are held out together: ten fits say as much as a hundred."""

MAX_LEFT_OUT: Final = 20
"""Types that are left out, the most frequent ones: each needs a fit of its own."""

TEST_FRACTION: Final = 0.2
"""Of each type's cells that are held out where whole groups cannot be."""


def split_labelled(
    labels: npt.ArrayLike,
    batch: npt.ArrayLike,
    *,
    seed: int,
    content_hash: npt.ArrayLike | None = None,
    donor: npt.ArrayLike | None = None,
    test_fraction: float = TEST_FRACTION,
    max_folds: int = MAX_FOLDS,
) -> Split:
    """Hold out whole batches where that is possible, else cells.

    With labels in two or more batches, each labelled cell is scored once by a head that never saw
    a label of its batch; a type that only its batch has is scored all the same, as it is in life.
    Where a donor is known to be in several batches, whole donors are held out instead. Where labels
    lie in one group, or a fold would leave fewer than two types to learn from, a stratified
    fraction of the cells is held out.

    Parameters
    ----------
    labels
        Label of each cell, `UNKNOWN` where there is none, shape ``(n_obs,)``.
    batch
        Experimental batch of each cell, shape ``(n_obs,)``.
    seed
        Draws the held-out cells; held-out groups need no draw.
    content_hash
        `keys.CONTENT_HASH` of each cell, shape ``(n_obs,)``: a cell that came twice, with two
        deposits or in two batches, is never learnt from where its copy is scored.
    donor
        Donor of each cell, `UNKNOWN` where there is none, shape ``(n_obs,)``.
    test_fraction
        As for `hold_out_cells`.
    max_folds
        As for `hold_out_groups`.

    Raises
    ------
    SchemaError
        No cell is labelled, all are of one type, no type has two cells, or without copies of
        the held-out cells fewer than two types are left to learn from.
    """
    candidates: list[tuple[SplitKind, npt.ArrayLike]] = [("held-out batch", batch)]
    if donor is not None:
        candidates.append(("held-out donor", donor))
    for kind, groups in candidates:
        try:
            return hold_out_groups(
                labels,
                groups,
                kind=kind,
                content_hash=content_hash,
                donor=donor,
                max_folds=max_folds,
            )
        except SchemaError:
            continue
    return hold_out_cells(
        labels, batch, seed=seed, content_hash=content_hash, test_fraction=test_fraction
    )


def hold_out_groups(
    labels: npt.ArrayLike,
    groups: npt.ArrayLike,
    *,
    kind: SplitKind,
    content_hash: npt.ArrayLike | None = None,
    donor: npt.ArrayLike | None = None,
    max_folds: int = MAX_FOLDS,
) -> Split:
    """Score each labelled cell once by a head that never saw a label of its group.

    Parameters
    ----------
    labels
        Label of each cell, `UNKNOWN` where there is none, shape ``(n_obs,)``.
    groups
        Donor, batch or study of each cell, shape ``(n_obs,)``. A cell whose donor or study is
        `UNKNOWN` takes no part.
    kind
        What the groups are.
    content_hash, donor
        As for `split_labelled`.
    max_folds
        Above so many groups, several are held out together.

    Raises
    ------
    SchemaError
        Labelled cells lie in fewer than two groups, a fold leaves fewer than two types to learn
        from, or has cells of one donor on both sides.
    """
    labels, groups = _text(labels), _text(groups)
    takes_part = labels != UNKNOWN
    if kind != "held-out batch":
        takes_part &= groups != UNKNOWN
    labelled = np.flatnonzero(takes_part)
    names = np.unique(groups[labelled])
    if len(names) < 2:
        raise _one_group(kind, names.tolist())
    split = _without_copies(
        kind,
        tuple(
            _group_fold(labelled, groups, together)
            for together in _deal_groups(groups[labelled], max_folds)
        ),
        content_hash,
        n_labelled=len(labelled),
        n_groups=len(names),
    )
    _refuse_unfit(split, labels, donor)
    return split


def hold_out_cells(
    labels: npt.ArrayLike,
    batch: npt.ArrayLike,
    *,
    seed: int,
    content_hash: npt.ArrayLike | None = None,
    test_fraction: float = TEST_FRACTION,
) -> Split:
    """Hold out a fraction of each type's cells; types with a single cell are learnt from.

    Parameters
    ----------
    labels
        Label of each cell, `UNKNOWN` where there is none, shape ``(n_obs,)``.
    batch
        Experimental batch of each cell, shape ``(n_obs,)``, which are counted.
    seed
        Draws the held-out cells.
    content_hash
        As for `split_labelled`.
    test_fraction
        Of each type's cells that are held out, in (0, 1); at least one cell of each type with two.

    Raises
    ------
    SchemaError
        No cell is labelled, all are of one type, no type has two cells, or without copies of
        the held-out cells fewer than two types are left to learn from.
    """
    labels = _text(labels)
    labelled = np.flatnonzero(labels != UNKNOWN)
    held_out = _draw_cells(labelled, labels, test_fraction, np.random.default_rng(seed))
    split = _without_copies(
        "held-out cells",
        (Fold("cells", np.setdiff1d(labelled, held_out), held_out),),
        content_hash,
        n_labelled=len(labelled),
        n_groups=len(np.unique(_text(batch)[labelled])),
        seed=seed,
    )
    _refuse_unfit(split, labels, None)
    return split


def leave_out_types(
    labels: npt.ArrayLike,
    *,
    seed: int,
    content_hash: npt.ArrayLike | None = None,
    test_fraction: float = TEST_FRACTION,
    max_types: int = MAX_LEFT_OUT,
) -> Split:
    """Leave one type after another out of what is learnt from, and score its cells.

    Beside all cells of its type each fold scores the same held-out cells of the others.

    Parameters
    ----------
    labels
        Label of each cell, `UNKNOWN` where there is none, shape ``(n_obs,)``.
    seed
        Draws the held-out cells.
    content_hash, test_fraction
        As for `hold_out_cells`.
    max_types
        Types that are left out, the most frequent ones.

    Raises
    ------
    SchemaError
        Without the left-out type and copies fewer than two types are left to learn from.
    """
    labels = _text(labels)
    labelled = np.flatnonzero(labels != UNKNOWN)
    held_out = _draw_cells(labelled, labels, test_fraction, np.random.default_rng(seed))
    types, counts = np.unique(labels[labelled], return_counts=True)
    chosen = sorted(types[np.argsort(-counts, kind="stable")][:max_types].tolist())
    folds = []
    for left_out in chosen:
        test = np.union1d(held_out, labelled[labels[labelled] == left_out])
        folds.append(Fold(left_out, np.setdiff1d(labelled, test), test))
    split = _without_copies(
        "left-out type",
        tuple(folds),
        content_hash,
        n_labelled=len(labelled),
        n_groups=len(chosen),
        seed=seed,
    )
    _refuse_unfit(split, labels, None)
    return split


def _text(values: npt.ArrayLike) -> npt.NDArray[np.str_]:
    return np.asarray(values, dtype=object).astype(str)


def _without_copies(
    kind: SplitKind,
    dealt: tuple[Fold, ...],
    content_hash: npt.ArrayLike | None,
    **counts: Any,  # noqa: ANN401  (the other fields of a split)
) -> Split:
    """Leave out of each fold's training cells those whose content is among its held-out cells."""
    if content_hash is None:
        return Split(kind=kind, folds=dealt, **counts)
    content = _text(content_hash)
    copies = [fold.train[np.isin(content[fold.train], content[fold.test])] for fold in dealt]
    folds = tuple(
        fold._replace(train=np.setdiff1d(fold.train, left_out))
        for fold, left_out in zip(dealt, copies, strict=True)
    )
    n_copies = len(np.unique(np.concatenate(copies)))
    return Split(kind=kind, folds=folds, n_copies=n_copies, **counts)


def _refuse_unfit(split: Split, labels: npt.NDArray[np.str_], donor: npt.ArrayLike | None) -> None:
    errors = [untaught_folds(split, labels)]
    if donor is not None:
        errors.append(donors_on_both_sides(split, _text(donor)))
    for error in errors:
        if error is not None:
            raise error


def _group_fold(
    labelled: npt.NDArray[np.intp], groups: npt.NDArray[np.str_], names: list[str]
) -> Fold:
    is_test = np.isin(groups[labelled], names)
    return Fold(", ".join(names), labelled[~is_test], labelled[is_test])


def _deal_groups(groups: npt.NDArray[np.str_], max_folds: int) -> list[list[str]]:
    """Deal groups, largest first, each to the fold with the fewest cells so far."""
    names, counts = np.unique(groups, return_counts=True)
    folds: list[list[str]] = [[] for _ in range(min(max_folds, len(names)))]
    sizes = np.zeros(len(folds), dtype=int)
    for position in np.argsort(-counts, kind="stable"):
        lightest = int(sizes.argmin())
        folds[lightest].append(str(names[position]))
        sizes[lightest] += counts[position]
    return sorted(sorted(fold) for fold in folds)


def _draw_cells(
    labelled: npt.NDArray[np.intp],
    labels: npt.NDArray[np.str_],
    test_fraction: float,
    rng: np.random.Generator,
) -> npt.NDArray[np.intp]:
    types, counts = np.unique(labels[labelled], return_counts=True)
    if len(types) < MIN_TYPES or counts.max() < 2:
        raise _nothing_to_hold_out(dict(zip(types.tolist(), counts.tolist(), strict=True)))
    test = []
    for cell_type, count in zip(types, counts, strict=True):
        rows = rng.permutation(labelled[labels[labelled] == cell_type])
        n_test = min(max(1, round(test_fraction * count)), count - 1)
        test.append(rows[:n_test])
    return np.sort(np.concatenate(test))


def _one_group(kind: SplitKind, names: list[str]) -> SchemaError:
    one, several = GROUPS[kind]
    return SchemaError(
        expected=f"labelled cells of two or more {several}",
        found=f"only the {one} '{names[0]}'" if names else f"none with a {one}",
        remedy="Hold out something else, or name another column.",
        rule="split-one-group",
    )


def _nothing_to_hold_out(counts: Mapping[str, int]) -> SchemaError:
    found = ", ".join(f"{count} of '{name}'" for name, count in list(counts.items())[:5])
    return SchemaError(
        expected="labelled cells of two or more types, one of them with two cells",
        found=found or "no labelled cell",
        remedy="Name the column of the authors' labels with --label-key, or add a labelled deposit.",
    )
