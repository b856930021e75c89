"""The integration of one atlas version by one model, beside baselines and controls."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genemamba import keys
from genemamba.atlas.versions.view import AtlasView
from genemamba.evaluation.baselines.scvi_tools import require_scvi_tools
from genemamba.evaluation.integration.baselines import SUPERVISED_BASELINES, baseline_embeddings
from genemamba.evaluation.integration.comparison import compare_embeddings
from genemamba.evaluation.integration.scores import IntegrationScores
from genemamba.evaluation.pca import log_normalised_pca
from genemamba.storage import Progress


class IntegrationEvaluation(NamedTuple):
    """Scores, and the baseline that others compare with too."""

    scores: IntegrationScores
    X_pca: npt.NDArray[np.float32]
    """Principal components of all cells, shape ``(n_obs, n_comps)``."""


def evaluate_integration(
    view: AtlasView,
    X_ours: npt.NDArray[np.floating],
    *,
    seed: int,
    max_cells: int,
    supervised: bool = False,
    slow_baselines: bool = False,
    kbet: bool = False,
    progress: Progress | None = None,
) -> IntegrationEvaluation:
    """Score our embedding beside PCA, Harmony and the controls, all cells in view.

    Parameters
    ----------
    view
        The atlas version.
    X_ours
        Our embedding of its cells, shape ``(n_obs, d_model)``.
    seed
        Of baselines, controls and draws.
    max_cells
        Cells that are scored; of more, samples are drawn.
    supervised
        Labels shaped our embedding, see `training.supervision`.
    slow_baselines
        Train scVI and scANVI too.
    kbet
        Compute kBET too.
    progress
        Called with metrics done and metrics in all.

    Raises
    ------
    ModelError
        The slow baselines are asked for and scvi-tools is not installed.
    """
    if slow_baselines:
        require_scvi_tools()
    labels = view.obs[keys.CELL_TYPE].to_numpy(dtype=str)
    batch = view.obs[keys.BATCH].to_numpy(dtype=str)
    counts = view.counts()
    X_pca = log_normalised_pca(counts, seed=seed)
    baselines = baseline_embeddings(X_pca, counts, labels, batch, seed=seed, slow=slow_baselines)
    ours = {keys.X_GENEMAMBA} if supervised else set()
    scores = compare_embeddings(
        {keys.X_GENEMAMBA: X_ours, **baselines.embeddings},
        labels,
        batch,
        seed=seed,
        supervised=ours | (SUPERVISED_BASELINES & set(baselines.embeddings)),
        max_cells=max_cells,
        kbet=kbet,
        progress=progress,
    )
    return IntegrationEvaluation(replace(scores, notes=(*baselines.notes, *scores.notes)), X_pca)
