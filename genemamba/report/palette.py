"""Colours that stay apart for colour-blind readers, on light and on dark paper."""

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from genemamba.keys import UNKNOWN

CATEGORY_COLOURS: Final = (
    "#4477aa", "#ee7733", "#228833", "#cc6699", "#33aacc", "#bb9911", "#994f88", "#e05560",
    "#009988", "#a0785a", "#7a7fd0", "#8fae3d", "#c2788f", "#5f93c9", "#d19a66", "#6aa384",
)  # fmt: skip
"""After Paul Tol's bright and vibrant schemes, moved to a middle lightness so that each shows on
white and on near-black. The first eight are told apart in the common kinds of colour blindness;
no sixteen colours are, which is why types are numbered on the panels too."""

OTHER_COLOUR: Final = "#8a8f98"
"""Categories beyond the colours there are."""

UNKNOWN_COLOUR: Final = "#a9aeb6"
"""Cells without a label: present, not speaking."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ink:
    """Colours of a figure's lines and letters."""

    text: str
    muted: str
    rule: str
    accent: str
    paper: str


LIGHT: Final = Ink(
    text="#1d2127", muted="#5e6670", rule="#e2e3df", accent="#1f5f8b", paper="#ffffff"
)
DARK: Final = Ink(
    text="#e8e6e1", muted="#9ba4ae", rule="#2d333a", accent="#7fb8e0", paper="#15181c"
)


class Category(NamedTuple):
    """One entry of a colour key."""

    number: int
    """On the panel and in the key; 0 for those that are not numbered."""
    name: str
    colour: str
    n: int
    """Cells of it."""


class ColourKey(NamedTuple):
    """Colours of all categories of a column."""

    categories: tuple[Category, ...]
    """Named ones by falling number of cells, then the rest as one, then the unlabelled."""
    colour_of: dict[str, str]
    number_of: dict[str, int]


def colour_key(
    values: npt.NDArray[np.object_], *, like: npt.NDArray[np.object_] | None = None
) -> ColourKey:
    """Give the largest categories a colour each and the rest one together.

    Parameters
    ----------
    values
        Category of each cell, shape ``(n_obs,)``.
    like
        Another column whose categories come first, so that both columns share their colours.
    """
    counts = _counts(values)
    ranking = _ranking(values) if like is None else _ranking(like)
    ranking += [name for name in _ranking(values) if name not in ranking]
    named = ranking[: len(CATEGORY_COLOURS)]
    colour_of = dict.fromkeys(ranking, OTHER_COLOUR)
    colour_of |= dict(zip(named, CATEGORY_COLOURS, strict=False)) | {UNKNOWN: UNKNOWN_COLOUR}
    number_of = {name: rank for rank, name in enumerate(named, start=1)}
    categories = [
        Category(number_of[name], name, colour_of[name], counts[name])
        for name in named
        if name in counts
    ]
    others = [name for name in ranking[len(named) :] if name in counts]
    if others:
        n_others = sum(counts[name] for name in others)
        categories.append(Category(0, f"{len(others)} others", OTHER_COLOUR, n_others))
    if UNKNOWN in counts:
        categories.append(Category(0, UNKNOWN, UNKNOWN_COLOUR, counts[UNKNOWN]))
    return ColourKey(tuple(categories), colour_of, number_of)


def _counts(values: npt.NDArray[np.object_]) -> dict[str, int]:
    names, counts = np.unique(values.astype(str), return_counts=True)
    return dict(zip(names.tolist(), counts.tolist(), strict=True))


def _ranking(values: npt.NDArray[np.object_]) -> list[str]:
    counts = _counts(values)
    counts.pop(UNKNOWN, None)
    return sorted(counts, key=lambda name: (-counts[name], name))
