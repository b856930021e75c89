"""Several small samples of a large atlas, so that their scores have an error bar."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student_t

N_DRAWS: Final = 5
"""Samples that share the cells a user allows: what grows with their square costs a fifth."""

MIN_PER_TYPE: Final = 5
"""Cells of a type that a draw keeps, however rare it is: several metrics weigh types alike, and so
few change a mean over thousands of cells little."""

CONFIDENCE: Final = 0.95
"""Of the interval."""

Rows = npt.NDArray[np.intp]
"""Positions of cells, ascending."""


def stratified_draws(
    rows: Rows,
    labels: npt.NDArray[np.str_],
    batch: npt.NDArray[np.str_],
    *,
    n_cells: int,
    n_draws: int,
    seed: int,
) -> tuple[Rows, ...]:
    """Draw samples that resemble all cells in types and batches.

    Every draw has the same number of each type, in proportion, and at least `MIN_PER_TYPE` where
    there are as many. Within a type, cells in order of their batch are taken at even steps from a
    random start, so that each batch has its share up to one cell. A draw holds a cell once.

    Parameters
    ----------
    rows
        Cells to draw from.
    labels, batch
        Of all cells, shape ``(n_obs,)``.
    n_cells
        Cells of a draw, at most ``len(rows)``.
    n_draws
        How many.
    seed
        Of the draws.
    """
    types, type_of = np.unique(labels[rows], return_inverse=True)
    counts = _shares(np.bincount(type_of, minlength=len(types)), n_cells)
    draws = []
    for rng in map(np.random.default_rng, np.random.SeedSequence(seed).spawn(n_draws)):
        picked = []
        for number, count in enumerate(counts):
            members = rng.permutation(rows[type_of == number])
            members = members[np.argsort(batch[members], kind="stable")]
            steps = (rng.random() + np.arange(count)) * (len(members) / max(count, 1))
            picked.append(members[steps.astype(int)])
        draws.append(np.sort(np.concatenate(picked)))
    return tuple(draws)


def _shares(sizes: npt.NDArray[np.int64], n_cells: int) -> npt.NDArray[np.int64]:
    """Share cells among types by largest remainders, above what each keeps in any case."""
    kept = np.minimum(sizes, MIN_PER_TYPE)
    if kept.sum() > n_cells:
        kept = np.zeros_like(sizes)
    quota = (sizes - kept) * ((n_cells - kept.sum()) / max((sizes - kept).sum(), 1))
    shares = quota.astype(np.int64)
    missing = n_cells - int(kept.sum() + shares.sum())
    shares[np.argsort(shares - quota, kind="stable")[:missing]] += 1
    return np.asarray(kept + shares)


def mean_interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the interval of Student's t of a mean of draws; no numbers below two draws.

    It tells what another choice of cells would have given. It does not tell that a metric of
    neighbourhoods gives something else on all cells, which lie closer together.

    Parameters
    ----------
    values
        One of each draw.
    """
    if len(values) < 2:
        return float("nan"), float("nan")
    error = np.std(values, ddof=1) / np.sqrt(len(values))
    reach = float(student_t.ppf((1 + CONFIDENCE) / 2, len(values) - 1) * error)
    mean = float(np.mean(values))
    return mean - reach, mean + reach
