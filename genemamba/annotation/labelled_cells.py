"""Which cells a head learns from."""

from typing import Final

import numpy as np
import numpy.typing as npt

from genemamba.errors import SchemaError
from genemamba.keys import UNKNOWN

MIN_TYPES: Final = 2
"""A head needs something to tell apart."""

MAX_CELLS_PER_TYPE: Final = 5_000
"""Cells of one type that are learnt from: a boundary in a few hundred dimensions gains nothing
from more, and memory stays bounded for atlases of any size."""


def can_learn_from(labels: npt.ArrayLike) -> bool:
    """Say whether two or more types are labelled, which is what a head needs.

    Parameters
    ----------
    labels
        Label of each cell, `UNKNOWN` where there is none, shape ``(n_obs,)``.
    """
    return len(_types(labels)) >= MIN_TYPES


def check_learnable(labels: npt.ArrayLike) -> None:
    """Refuse labels from which no head can be learnt.

    Parameters
    ----------
    labels
        Label of each cell, `UNKNOWN` where there is none, shape ``(n_obs,)``.

    Raises
    ------
    SchemaError
        No cell is labelled, or all labelled cells are of one type.
    """
    types = _types(labels)
    if len(types) >= MIN_TYPES:
        return
    raise SchemaError(
        expected="labelled cells of two or more types",
        found=f"only '{types[0]}'" if types else f"no label in {np.size(labels):,} cells",
        remedy="Name the column of the authors' labels with --label-key, or add a labelled deposit.",
    )


def _types(labels: npt.ArrayLike) -> list[str]:
    return sorted({str(label) for label in np.asarray(labels, dtype=object)} - {UNKNOWN})


def draw_labelled(
    labels: npt.NDArray[np.object_], *, seed: int, max_cells_per_type: int = MAX_CELLS_PER_TYPE
) -> npt.NDArray[np.intp]:
    """Draw the cells that a head learns from; drawing from what was drawn takes them all.

    Parameters
    ----------
    labels
        Label of each cell, `UNKNOWN` where there is none, shape ``(n_obs,)``.
    seed
        Of the draw.
    max_cells_per_type
        Cells of one type, at most.

    Returns
    -------
    Rows of labelled cells, ascending.
    """
    rng = np.random.default_rng(seed)
    drawn = [np.empty(0, dtype=np.intp)]
    for cell_type in sorted(set(labels) - {UNKNOWN}):
        rows = np.flatnonzero(labels == cell_type)
        if len(rows) > max_cells_per_type:
            rows = rng.choice(rows, max_cells_per_type, replace=False)
        drawn.append(rows)
    return np.sort(np.concatenate(drawn))
