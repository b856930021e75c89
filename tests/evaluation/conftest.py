"""Cells to score, and heavy libraries imported once, before warnings are errors."""

import warnings

import numpy as np
import pytest

from genemamba.keys import X_GENEMAMBA, X_PCA

with warnings.catch_warnings():
    # umap-learn tells every importer that Tensorflow is absent; Python hides that by default.
    warnings.simplefilter("ignore")
    import scib_metrics.benchmark  # noqa: F401
    import umap  # noqa: F401


@pytest.fixture(scope="session")
def cells():
    """150 cells of three types in two batches with a batch effect, in two embeddings."""
    rng = np.random.default_rng(0)
    types = rng.integers(0, 3, 150)
    batch = rng.integers(0, 2, 150)
    X = 2.5 * np.eye(8)[types] + 1.5 * np.eye(8)[5 + batch] + rng.normal(0, 1, (150, 8))
    corrected = X - 1.2 * np.eye(8)[5 + batch]
    return {
        "embeddings": {
            X_GENEMAMBA: corrected.astype(np.float32),
            X_PCA: X.astype(np.float32),
        },
        "labels": np.array(["B", "T", "NK"], dtype=object)[types],
        "batch": np.array(["x", "y"], dtype=object)[batch],
    }
