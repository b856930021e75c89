"""Embeddings whose scores are known beforehand, which show what a metric can tell."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from genemamba.keys import UNKNOWN

RANDOM: Final = "random"
"""Name of the control that knows nothing."""

PERFECT: Final = "perfect"
"""Name of the control that knows every label and no batch."""

NOISE: Final = 1e-3
"""Spread of a perfect type, whose centres lie sqrt(2) apart: cells differ, types stay points."""


class ControlBound(NamedTuple):
    """What a sound metric gives the controls, with 100 cells or more, 15 or more of each type."""

    random_at_most: float
    perfect_at_least: float


CONTROL_BOUNDS: Final[Mapping[str, ControlBound]] = {
    "isolated_labels": ControlBound(0.55, 0.95),
    "nmi_ari_cluster_labels_leiden_nmi": ControlBound(0.35, 0.80),
    "nmi_ari_cluster_labels_leiden_ari": ControlBound(0.15, 0.60),
    "nmi_ari_cluster_labels_kmeans_nmi": ControlBound(0.35, 0.85),
    "nmi_ari_cluster_labels_kmeans_ari": ControlBound(0.15, 0.60),
    "silhouette_label": ControlBound(0.55, 0.95),
    "clisi_knn": ControlBound(0.90, 0.95),
    "bras": ControlBound(1.0, 0.75),
    "ilisi_knn": ControlBound(1.0, 0.10),
    "kbet_per_label": ControlBound(1.0, 0.20),
    "graph_connectivity": ControlBound(1.0, 0.90),
    "pcr_comparison": ControlBound(1.0, 0.0),
}
"""Bounds of each metric for both controls, all metrics in [0, 1] and better when higher.

Batch metrics cannot tell noise from integration: the random control may reach 1 there, which is why
they are read apart from bio conservation. `graph_connectivity` is no exception: 15 random
neighbours hold a type together as soon as more than one of them is of it. The perfect control mixes batches as far as their cell types allow, so a set whose
batches differ in composition keeps its `ilisi_knn` and `pcr_comparison` low. k-means is started
once and can leave two of its centres in one type."""


def random_embedding(n_obs: int, *, n_dims: int = 50, seed: int) -> npt.NDArray[np.float32]:
    """Draw every coordinate from the standard normal distribution.

    Parameters
    ----------
    n_obs
        Cells.
    n_dims
        Dimensions, as many as the PCA baseline has by default.
    seed
        Of the draw.

    Returns
    -------
    Shape ``(n_obs, n_dims)``.
    """
    return np.random.default_rng(seed).standard_normal((n_obs, n_dims)).astype(np.float32)


def perfect_embedding(labels: npt.ArrayLike, *, seed: int) -> npt.NDArray[np.float32]:
    """Put each type at its own corner of a simplex, with `NOISE` around it.

    Unlabelled cells are dealt to the corners as often as labelled ones, so that a batch without
    labels mixes with the others as well as it can. Without any label there is one corner.

    Parameters
    ----------
    labels
        Label of each cell, `UNKNOWN` where there is none, shape ``(n_obs,)``.
    seed
        Of the noise and the dealing.

    Returns
    -------
    Shape ``(n_obs, n_types)``.
    """
    rng = np.random.default_rng(seed)
    labels = np.asarray(labels, dtype=object).astype(str)
    known = labels != UNKNOWN
    if not known.any():
        known[:] = True
    types, corner_of_known = np.unique(labels[known], return_inverse=True)
    corner = np.empty(len(labels), dtype=int)
    corner[known] = corner_of_known
    corner[~known] = rng.choice(corner_of_known, np.count_nonzero(~known))
    noise = rng.normal(0.0, NOISE, (len(labels), len(types)))
    return np.asarray(np.eye(len(types))[corner] + noise, dtype=np.float32)
