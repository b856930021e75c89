"""Labellers that look at no cell: what must be beaten to have learnt anything."""

import numpy as np
import numpy.typing as npt

from genemamba.evaluation.annotation.labellers import CalledCells


def majority_vote(
    train: npt.NDArray[np.intp],
    labels: npt.NDArray[np.object_],
    test: npt.NDArray[np.intp],
    *,
    seed: int,
) -> CalledCells:
    """Call every cell the most frequent label of the training cells, the first by name of several.

    Parameters
    ----------
    train, labels, test
        As for a `Labeller`.
    seed
        Not used: nothing is drawn.
    """
    del train, seed
    types, shares = _frequencies(labels)
    best = int(shares.argmax())
    return CalledCells(
        np.full(len(test), types[best], dtype=object), np.full(len(test), shares[best])
    )


def random_labels(
    train: npt.NDArray[np.intp],
    labels: npt.NDArray[np.object_],
    test: npt.NDArray[np.intp],
    *,
    seed: int,
) -> CalledCells:
    """Draw the label of each cell as often as the training cells have it.

    Parameters
    ----------
    train, labels, test
        As for a `Labeller`.
    seed
        Of the draw.
    """
    del train
    types, shares = _frequencies(labels)
    drawn = np.random.default_rng(seed).choice(len(types), len(test), p=shares)
    return CalledCells(types[drawn], shares[drawn])


def _frequencies(
    labels: npt.NDArray[np.object_],
) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.float64]]:
    types, counts = np.unique(labels.astype(str), return_counts=True)
    return types.astype(object), counts / counts.sum()
