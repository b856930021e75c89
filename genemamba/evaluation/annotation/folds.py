"""What a split is: folds of cells to learn from and cells to score."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

SplitKind = Literal[
    "held-out donor", "held-out batch", "held-out study", "held-out cells", "left-out type"
]
"""What the head has never seen."""

GROUPS: Final[Mapping[SplitKind, tuple[str, str]]] = {
    "held-out donor": ("donor", "donors"),
    "held-out batch": ("batch", "batches"),
    "held-out study": ("study", "studies"),
    "held-out cells": ("batch", "batches"),
    "left-out type": ("type", "types"),
}
"""What `Split.n_groups` counts, one and several."""

DRAWN: Final[frozenset[SplitKind]] = frozenset({"held-out cells", "left-out type"})
"""Kinds that draw cells of every donor: scores say how new cells of known donors fare."""


class Fold(NamedTuple):
    """Rows of cells; no row is in both."""

    name: str
    """What is held out: its groups, ``cells``, or the type."""
    train: npt.NDArray[np.intp]
    """Labelled cells to learn from."""
    test: npt.NDArray[np.intp]
    """Labelled cells to score."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Split:
    """Folds that score each tested cell once.

    Where types are left out, each fold scores all cells of its type and the same held-out cells of
    the others, so that a head's rejections of what it cannot know stand beside those of what it can.
    """

    kind: SplitKind
    """What the head has never seen."""
    folds: tuple[Fold, ...]
    """In a fixed order."""
    n_labelled: int
    """Labelled cells, tested or not."""
    n_groups: int
    """Groups with labelled cells, as `GROUPS` says."""
    n_copies: int = 0
    """Labelled cells that some fold does not learn from because it scores a copy of them."""
    seed: int | None = None
    """Of the draw; None where nothing was drawn."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Columns of ``obs`` by what they were taken for: ``label``, ``batch``, ``donor``, ``study``."""

    @property
    def n_test(self) -> int:
        """Cells that are scored."""
        return len(np.unique(np.concatenate([fold.test for fold in self.folds])))

    @property
    def summary(self) -> str:
        """One phrase with the counts, for tables."""
        scored = f"{self.n_test:,} of {self.n_labelled:,} labelled cells scored"
        one, several = GROUPS[self.kind]
        return (
            f"{self.kind}: {scored}, {self.n_groups} {one if self.n_groups == 1 else several}, "
            f"{len(self.folds)} fold{'s'[: len(self.folds) > 1]}"
        )
