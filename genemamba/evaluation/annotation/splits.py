"""Which labelled cells are learnt from and which are scored."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from genemamba.annotation.linear_probe import MIN_TYPES
from genemamba.errors import SchemaError
from genemamba.keys import UNKNOWN

SplitKind = Literal["held-out batch", "held-out cells"]
"""What the head has never seen."""

MAX_FOLDS: Final = 10
"""More batches than this are held out in groups: ten fits say as much as a hundred."""


class Fold(NamedTuple):
    """Rows of cells; no row is in both."""

    name: str
    """The batches held out, or ``cells``."""
    train: npt.NDArray[np.intp]
    """Labelled cells to learn from."""
    test: npt.NDArray[np.intp]
    """Labelled cells to score."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Split:
    """Folds that score each tested cell once."""

    kind: SplitKind
    """What the head has never seen."""
    folds: tuple[Fold, ...]
    """In a fixed order."""
    n_labelled: int
    """Labelled cells, tested or not."""
    n_batches: int
    """Batches with labelled cells."""
    n_copies: int = 0
    """Labelled cells that some fold does not learn from because it scores a copy of them."""

    @property
    def n_test(self) -> int:
        """Cells that are scored."""
        return sum(len(fold.test) for fold in self.folds)

    @property
    def summary(self) -> str:
        """One phrase with the counts, for tables."""
        scored = f"{self.n_test:,} of {self.n_labelled:,} labelled cells scored"
        batches = f"{self.n_batches} batch{'es' if self.n_batches != 1 else ''}"
        return (
            f"{self.kind}: {scored}, {batches}, {len(self.folds)} fold{'s'[: len(self.folds) > 1]}"
        )


def split_labelled(
    labels: npt.ArrayLike,
    batch: npt.ArrayLike,
    *,
    seed: int,
    content_hash: npt.ArrayLike | None = None,
    test_fraction: float = 0.2,
    max_folds: int = MAX_FOLDS,
) -> Split:
    """Hold out whole batches where that is possible, else cells.

    With labels in two or more batches, each labelled cell is scored once by a head that never saw
    a label of its batch; a type that only its batch has is scored all the same, as it is in life.
    Where labels lie in one batch, or a fold would leave fewer than two types to learn from, a
    stratified fraction of the cells is held out; types with a single cell are learnt from.

    Parameters
    ----------
    labels
        Label of each cell, `UNKNOWN` where there is none, shape ``(n_obs,)``.
    batch
        Experimental batch of each cell, shape ``(n_obs,)``.
    seed
        Draws the held-out cells; held-out batches need no draw.
    content_hash
        `keys.CONTENT_HASH` of each cell, shape ``(n_obs,)``: a cell that came twice, with two
        deposits or in two batches, is never learnt from where its copy is scored.
    test_fraction
        Of each type's cells that are held out, in (0, 1); at least one cell of each type with two.
    max_folds
        Above so many batches, groups of batches are held out together.

    Raises
    ------
    SchemaError
        No cell is labelled, all are of one type, no type has two cells, or without copies of
        the held-out cells fewer than two types are left to learn from.
    """
    labels = np.asarray(labels, dtype=object).astype(str)
    batch = np.asarray(batch, dtype=object).astype(str)
    labelled = np.flatnonzero(labels != UNKNOWN)
    n_batches = len(np.unique(batch[labelled]))
    content = np.arange(len(labels)) if content_hash is None else np.asarray(content_hash, str)
    dealt = _batch_folds(labelled, batch, max_folds) if n_batches > 1 else ()
    folds = _without_copies(dealt, content)
    kind: SplitKind = "held-out batch"
    if not folds or not _teach(folds, labels):
        kind = "held-out cells"
        dealt = (_cell_fold(labelled, labels, test_fraction, np.random.default_rng(seed)),)
        folds = _without_copies(dealt, content)
        if not _teach(folds, labels):
            raise _nothing_to_learn_from(len(dealt[0].train) - len(folds[0].train))
    copies = [np.setdiff1d(*trains) for trains in zip(_trains(dealt), _trains(folds), strict=True)]
    return Split(
        kind=kind,
        folds=folds,
        n_labelled=len(labelled),
        n_batches=n_batches,
        n_copies=len(np.unique(np.concatenate(copies))),
    )


def _teach(folds: tuple[Fold, ...], labels: npt.NDArray[np.str_]) -> bool:
    return all(len(np.unique(labels[fold.train])) >= MIN_TYPES for fold in folds)


def _trains(folds: tuple[Fold, ...]) -> list[npt.NDArray[np.intp]]:
    return [fold.train for fold in folds]


def _without_copies(folds: tuple[Fold, ...], content: npt.NDArray[Any]) -> tuple[Fold, ...]:
    """Leave out of each fold's training cells those whose content is among its held-out cells."""
    return tuple(
        fold._replace(train=fold.train[~np.isin(content[fold.train], content[fold.test])])
        for fold in folds
    )


def _batch_folds(
    labelled: npt.NDArray[np.intp], batch: npt.NDArray[np.str_], max_folds: int
) -> tuple[Fold, ...]:
    groups = _group_batches(batch[labelled], max_folds)
    folds = []
    for names in groups:
        is_test = np.isin(batch[labelled], names)
        folds.append(Fold(", ".join(names), labelled[~is_test], labelled[is_test]))
    return tuple(folds)


def _group_batches(batch: npt.NDArray[np.str_], max_folds: int) -> list[list[str]]:
    """Deal batches, largest first, each to the group with the fewest cells so far."""
    names, counts = np.unique(batch, return_counts=True)
    groups: list[list[str]] = [[] for _ in range(min(max_folds, len(names)))]
    sizes = np.zeros(len(groups), dtype=int)
    for position in np.argsort(-counts, kind="stable"):
        lightest = int(sizes.argmin())
        groups[lightest].append(str(names[position]))
        sizes[lightest] += counts[position]
    return sorted(sorted(group) for group in groups)


def _cell_fold(
    labelled: npt.NDArray[np.intp],
    labels: npt.NDArray[np.str_],
    test_fraction: float,
    rng: np.random.Generator,
) -> Fold:
    types, counts = np.unique(labels[labelled], return_counts=True)
    if len(types) < MIN_TYPES or counts.max() < 2:
        raise _nothing_to_hold_out(dict(zip(types.tolist(), counts.tolist(), strict=True)))
    test = []
    for cell_type, count in zip(types, counts, strict=True):
        rows = rng.permutation(labelled[labels[labelled] == cell_type])
        n_test = min(max(1, round(test_fraction * count)), count - 1)
        test.append(rows[:n_test])
    held_out = np.sort(np.concatenate(test))
    return Fold("cells", np.setdiff1d(labelled, held_out), held_out)


def _nothing_to_hold_out(counts: Mapping[str, int]) -> SchemaError:
    found = ", ".join(f"{count} of '{name}'" for name, count in list(counts.items())[:5])
    return SchemaError(
        expected="labelled cells of two or more types, one of them with two cells",
        found=found or "no labelled cell",
        remedy="Name the column of the authors' labels with --label-key, or add a labelled deposit.",
    )


def _nothing_to_learn_from(n_copies: int) -> SchemaError:
    return SchemaError(
        expected="labelled cells of two or more types beside copies of the held-out ones",
        found=f"{n_copies:,} training cells that are copies",
        remedy="Leave out deposits that repeat another's cells.",
    )
