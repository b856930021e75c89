"""The embeddings that ours is compared with; one that fails costs itself alone."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from genemamba.evaluation.integration.harmony import X_HARMONY, harmony_embedding
from genemamba.evaluation.integration.metrics import METRIC_FAILURES
from genemamba.evaluation.integration.scvi_models import X_SCANVI, X_SCVI, ScviModels
from genemamba.keys import UNKNOWN, X_PCA

SUPERVISED_BASELINES: Final = frozenset({X_SCANVI})
"""Baselines that labels shaped."""


@dataclass
class Baselines:
    """Embeddings by name, and why others are absent."""

    embeddings: dict[str, npt.NDArray[np.float32]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def attempt(self, name: str, make: Callable[[], npt.NDArray[np.float32]]) -> None:
        """Add an embedding, or a note on why there is none."""
        try:
            X = make()
        except ModuleNotFoundError as error:
            remedy = "pip install 'genemamba-atlas[baselines]'"
            self.leave_out(name, f"{error.name} is not installed ({remedy})")
            return
        except METRIC_FAILURES as error:
            self.leave_out(name, f"{type(error).__name__}: {error}")
            return
        if np.isfinite(X).all():
            self.embeddings[name] = X
        else:
            self.leave_out(name, "it holds values that are no numbers")

    def leave_out(self, name: str, reason: str) -> None:
        """Say why an embedding is absent."""
        self.notes.append(f"{name} is left out: {reason.rstrip('.')}.")


def baseline_embeddings(
    X_pca: npt.NDArray[np.float32],
    counts: csr_matrix,
    labels: npt.NDArray[np.str_],
    batch: npt.NDArray[np.str_],
    *,
    seed: int,
    slow: bool,
    max_epochs: int | None = None,
) -> Baselines:
    """Embed cells by PCA and Harmony, and on request by scVI and scANVI.

    Parameters
    ----------
    X_pca
        Principal components of the counts, shape ``(n_obs, n_comps)``.
    counts
        Raw counts, shape ``(n_obs, n_vars)``.
    labels, batch
        Of each cell, shape ``(n_obs,)``.
    seed
        Of everything random.
    slow
        Train scVI and scANVI too: minutes to hours on a CPU.
    max_epochs
        Rounds of their training, instead of scvi-tools' rule.

    Raises
    ------
    ModelError
        The slow ones are asked for and scvi-tools is not installed.
    """
    made = Baselines(embeddings={X_PCA: X_pca})
    if len(np.unique(batch)) > 1:
        made.attempt(X_HARMONY, lambda: harmony_embedding(X_pca, batch, seed=seed))
    else:
        made.leave_out(X_HARMONY, "there is one batch")
    if slow:
        models = ScviModels(counts, labels, batch, seed=seed, max_epochs=max_epochs)
        made.attempt(X_SCVI, models.scvi)
        if X_SCVI not in made.embeddings:
            made.leave_out(X_SCANVI, f"it is trained from {X_SCVI}")
        elif (labels == UNKNOWN).all():
            made.leave_out(X_SCANVI, "there are no labels")
        else:
            made.attempt(X_SCANVI, models.scanvi)
    return made
