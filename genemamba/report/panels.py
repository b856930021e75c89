"""Cells in the plane: transparent pictures of points, and where their numbers stand."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from genemamba.keys import UNKNOWN

PANEL_PIXELS: Final = 640
"""Side of a panel; it is shown at half of that, sharp on fine screens."""

PANEL_MARGIN: Final = 0.04
"""Share of the side that stays empty around the cells."""


class Mark(NamedTuple):
    """Where a category's number stands on a panel."""

    number: int
    left: float
    """Percent of the width."""
    top: float
    """Percent of the height."""


def unit_square(coordinates: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Fit coordinates into [0, 1]² with a margin and without distortion.

    Parameters
    ----------
    coordinates
        Shape ``(n_obs, 2)``.
    """
    xy = np.asarray(coordinates, dtype=np.float64)
    low, high = xy.min(axis=0), xy.max(axis=0)
    side = max(float((high - low).max()), np.finfo(np.float64).tiny)
    return np.asarray(0.5 + (xy - (low + high) / 2) / side * (1 - 2 * PANEL_MARGIN))


def draw_panel(xy: npt.NDArray[np.float64], colours: Sequence[str]) -> bytes:
    """Draw cells as a transparent PNG.

    Parameters
    ----------
    xy
        From `unit_square`, shape ``(n_obs, 2)``.
    colours
        Of each cell, in drawing order: the last lies on top.
    """
    figure = Figure(figsize=(4, 4), dpi=PANEL_PIXELS / 4)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.set_axis_off()
    # Points share the panel's ink: many cells are drawn small, few are drawn large.
    area = float(np.clip(14_000 / max(len(xy), 1), 1.2, 26))
    axes.scatter(xy[:, 0], xy[:, 1], s=area, c=list(colours), alpha=0.85, linewidths=0)
    buffer = BytesIO()
    figure.patch.set_alpha(0)
    figure.savefig(
        buffer, format="png", metadata={"Software": None}, pil_kwargs={"compress_level": 9}
    )
    return buffer.getvalue()


def drawing_order(values: npt.NDArray[np.object_]) -> npt.NDArray[np.intp]:
    """Shuffle cells so that no category covers another; the unlabelled go under all.

    Parameters
    ----------
    values
        Category of each cell, shape ``(n_obs,)``.
    """
    shuffled = np.random.default_rng(0).permutation(len(values))
    return np.asarray(shuffled[np.argsort(values[shuffled] != UNKNOWN, kind="stable")])


def place_marks(
    xy: npt.NDArray[np.float64], values: npt.NDArray[np.object_], number_of: Mapping[str, int]
) -> tuple[Mark, ...]:
    """Put each numbered category's number on the cell nearest to its median.

    Parameters
    ----------
    xy
        From `unit_square`, shape ``(n_obs, 2)``.
    values
        Category of each cell, shape ``(n_obs,)``.
    number_of
        Numbers of the categories that have one.
    """
    marks = []
    for name, number in number_of.items():
        own = xy[values == name]
        if len(own):
            nearest = np.square(own - np.median(own, axis=0)).sum(axis=1).argmin()
            x, y = own[nearest]
            marks.append(Mark(number, round(100 * float(x), 2), round(100 * (1 - float(y)), 2)))
    return tuple(marks)
