"""scVI and scANVI: the baselines that train a model of their own on the cells."""

from collections.abc import Mapping
from typing import Any, Final

import anndata as ad
import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import csr_matrix

from genemamba.evaluation.baselines.scvi_tools import quiet_scvi_tools, require_scvi_tools
from genemamba.evaluation.baselines.variable_genes import variable_genes
from genemamba.evaluation.pca import log_normalise
from genemamba.keys import BATCH, CELL_TYPE, UNKNOWN

X_SCVI: Final = "X_scVI"
"""Name of scVI's embedding."""

X_SCANVI: Final = "X_scANVI"
"""Name of scANVI's embedding; it saw the labels."""

SHAPE: Final[Mapping[str, Any]] = {"n_layers": 2, "n_latent": 30, "gene_likelihood": "nb"}
"""As tuned by scIB's authors (Luecken et al. 2022) and in scvi-tools' tutorial on integration."""

SCANVI_EPOCHS: Final = 20
"""Rounds of training with labels, after scVI's; the same tutorial."""

SCANVI_SAMPLES: Final = 100
"""Cells of each type that a round sees, so that rare types count; the same tutorial."""

_QUIET_CPU: Final[Mapping[str, Any]] = {
    "accelerator": "cpu",
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "logger": False,
}


class ScviModels:
    """scVI on some cells, and scANVI after it.

    Both read the most variable genes. scVI sees counts and batches; scANVI every label too, those
    that it is scored by included.

    Parameters
    ----------
    counts
        Raw counts, shape ``(n_obs, n_vars)``.
    labels
        Label of each cell, `keys.UNKNOWN` where there is none, shape ``(n_obs,)``.
    batch
        Experimental batch of each cell, shape ``(n_obs,)``.
    seed
        Of weights and minibatches.
    max_epochs
        Rounds of scVI's training; None for scvi-tools' rule, 400 and fewer above 20,000 cells.

    Raises
    ------
    ModelError
        scvi-tools is not installed.
    """

    def __init__(
        self,
        counts: csr_matrix,
        labels: npt.NDArray[np.str_],
        batch: npt.NDArray[np.str_],
        *,
        seed: int,
        max_epochs: int | None = None,
    ) -> None:
        require_scvi_tools()
        X = counts[:, variable_genes(log_normalise(counts))]
        # A cell without counts has no size that scVI could take the logarithm of.
        self._has_counts = np.diff(X.indptr) > 0
        self._cells = ad.AnnData(
            csr_matrix(X[self._has_counts], dtype=np.float32),
            obs=pd.DataFrame(
                {BATCH: batch[self._has_counts], CELL_TYPE: labels[self._has_counts]},
                index=np.flatnonzero(self._has_counts).astype(str),
                dtype="category",
            ),
        )
        self._seed = seed
        self._max_epochs = max_epochs
        self._scvi: Any = None

    def scvi(self) -> npt.NDArray[np.float32]:
        """Train scVI and return its posterior means, shape ``(n_obs, n_latent)``."""
        with quiet_scvi_tools(self._seed):
            from scvi.model import SCVI

            SCVI.setup_anndata(self._cells, batch_key=BATCH, labels_key=CELL_TYPE)
            model = SCVI(self._cells, **SHAPE)
            model.train(max_epochs=self._max_epochs, **_QUIET_CPU)
            self._scvi = model
            return self._of_all_cells(model.get_latent_representation())

    def scanvi(self) -> npt.NDArray[np.float32]:
        """Train scANVI from scVI, which was trained before, and return its posterior means."""
        with quiet_scvi_tools(self._seed):
            from scvi.model import SCANVI

            model = SCANVI.from_scvi_model(self._scvi, unlabeled_category=UNKNOWN)
            model.train(
                max_epochs=min(SCANVI_EPOCHS, self._max_epochs or SCANVI_EPOCHS),
                n_samples_per_label=SCANVI_SAMPLES,
                **_QUIET_CPU,
            )
            return self._of_all_cells(model.get_latent_representation())

    def _of_all_cells(self, latent: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
        """Put the cells that neither model could see in the middle of the others."""
        X = np.empty((len(self._has_counts), latent.shape[1]), dtype=np.float32)
        X[self._has_counts] = latent
        X[~self._has_counts] = latent.mean(axis=0)
        return X
