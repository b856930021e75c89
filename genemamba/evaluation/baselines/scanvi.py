"""scANVI, trained on an atlas' own training cells."""

from typing import Any, Final

import anndata as ad
import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import csr_matrix

from genemamba.evaluation.annotation.labellers import CalledCells
from genemamba.evaluation.baselines.frequencies import majority_vote
from genemamba.evaluation.baselines.scvi_tools import quiet_scvi_tools, require_scvi_tools
from genemamba.evaluation.baselines.variable_genes import variable_genes
from genemamba.evaluation.pca import log_normalise
from genemamba.keys import BATCH, UNKNOWN

LABEL: Final = "label"
"""Column of the labels that scANVI may see."""

SCANVI_EPOCHS: Final = 20
"""As in scvi-tools' tutorial, after scVI has been trained."""

N_SAMPLES_PER_LABEL: Final = 100
"""Cells of each type that an epoch of scANVI sees, as in the same tutorial."""


class ScanviLabeller:
    """Labels cells by scANVI [1]_ in the setting of scvi-tools' tutorial.

    2,000 variable genes, two layers, 30 latent dimensions, negative binomial counts. scVI, which
    sees no label, is trained once on all cells, as our model is; for each fold scANVI goes on from
    it with the labels of the training cells. A cell without counts of those genes is called the
    most frequent label.

    Parameters
    ----------
    counts
        Raw counts of every cell, shape ``(n_obs, n_vars)``.
    batch
        Experimental batch of each cell, shape ``(n_obs,)``.
    scvi_epochs
        Passes of scVI over the cells; None takes scvi-tools' rule, 400 up to 20,000 cells, fewer
        for more.
    scanvi_epochs
        Passes of scANVI.

    Raises
    ------
    ModelError
        scvi-tools is not installed.

    References
    ----------
    .. [1] Xu et al., Molecular Systems Biology 17, e9620 (2021).
    """

    def __init__(
        self,
        counts: csr_matrix,
        batch: npt.ArrayLike,
        *,
        scvi_epochs: int | None = None,
        scanvi_epochs: int = SCANVI_EPOCHS,
    ) -> None:
        require_scvi_tools()
        X = counts[:, variable_genes(log_normalise(counts))]
        self._has_counts = np.diff(X.indptr) > 0
        self._position = np.cumsum(self._has_counts) - 1
        self._adata = ad.AnnData(
            csr_matrix(X[self._has_counts], dtype=np.float32),
            obs=pd.DataFrame(
                {BATCH: np.asarray(batch, dtype=object)[self._has_counts].astype(str)},
                index=np.flatnonzero(self._has_counts).astype(str),
            ),
        )
        self._scvi_epochs, self._scanvi_epochs = scvi_epochs, scanvi_epochs
        self._base: Any = None

    def __call__(
        self,
        train: npt.NDArray[np.intp],
        labels: npt.NDArray[np.object_],
        test: npt.NDArray[np.intp],
        *,
        seed: int,
    ) -> CalledCells:
        """Label cells, as a `Labeller` does; scVI keeps the seed of the first call."""
        called = majority_vote(train, labels, test, seed=seed)
        seen = self._has_counts[train]
        given = np.full(self._adata.n_obs, UNKNOWN, dtype=object)
        given[self._position[train[seen]]] = labels[seen]
        self._adata.obs[LABEL] = pd.Categorical(given)
        here = self._has_counts[test]
        with quiet_scvi_tools(seed):
            shares = self._train().predict(indices=self._position[test[here]], soft=True)
        types = shares.columns.to_numpy(dtype=object)
        called.labels[here] = types[shares.to_numpy().argmax(axis=1)]
        called.confidence[here] = shares.to_numpy().max(axis=1)
        return called

    def _train(self) -> Any:  # noqa: ANN401  (a class of a library that may be absent)
        from scvi.model import SCANVI, SCVI

        silent: dict[str, Any] = {
            "accelerator": "cpu",
            "enable_progress_bar": False,
            "enable_checkpointing": False,
            "logger": False,
        }
        if self._base is None:
            SCVI.setup_anndata(self._adata, batch_key=BATCH)
            self._base = SCVI(self._adata, n_layers=2, n_latent=30, gene_likelihood="nb")
            self._base.train(max_epochs=self._scvi_epochs, **silent)
        model = SCANVI.from_scvi_model(self._base, unlabeled_category=UNKNOWN, labels_key=LABEL)
        model.train(
            max_epochs=self._scanvi_epochs, n_samples_per_label=N_SAMPLES_PER_LABEL, **silent
        )
        return model
