"""Cells of types that lie apart, or not quite."""

import numpy as np


def blobs(n_types, *, n_per_type=40, spread=1.0, seed=0, n_dims=6):
    """Return an embedding and its labels, type after type."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(0, 3, (n_types, n_dims))
    labels = np.repeat([f"type {i}" for i in range(n_types)], n_per_type)
    X = np.repeat(centres, n_per_type, axis=0) + rng.normal(0, spread, (len(labels), n_dims))
    return X.astype(np.float32), labels
