"""All scores of one annotation of one atlas version, and what the report draws of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import anndata as ad
import numpy as np
import numpy.typing as npt
import pandas as pd

from genemamba import keys
from genemamba.annotation.linear_probe import fit_probe
from genemamba.atlas.versions.view import AtlasView
from genemamba.errors import SchemaError
from genemamba.evaluation.annotation.evaluation import (
    AnnotationEvaluation,
    evaluate_annotation,
)
from genemamba.evaluation.annotation.folds import Split
from genemamba.evaluation.annotation.labellers import by_head
from genemamba.evaluation.annotation.protocols import donors_of, split_atlas
from genemamba.evaluation.baselines.choice import baseline_labellers
from genemamba.evaluation.integration.atlas import evaluate_integration
from genemamba.evaluation.integration.scores import IntegrationScores
from genemamba.evaluation.umap import umap_coordinates
from genemamba.provenance import Json
from genemamba.storage import Progress

SAW_HELD_OUT: Final = (
    "Annotation is not scored: the model was fine-tuned on the labels of the cells that would be held"
    " out, and would look better than it is."
)
"""Note of an evaluation of a fine-tuned model."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class AtlasEvaluation:
    """Scores, and the layouts that the report draws."""

    integration: IntegrationScores
    """Embeddings beside controls."""
    annotation: AnnotationEvaluation
    """Our labels of held-out cells beside baselines."""
    drawn_rows: npt.NDArray[np.intp]
    """Rows of the atlas that are drawn, ascending."""
    umap: Mapping[str, npt.NDArray[np.float32]]
    """Coordinates of the drawn cells by embedding, shape ``(n_drawn, 2)``."""

    def summary(self) -> dict[str, Json]:
        """Return the figures that a person asks for first, by embedding and by method."""
        return {
            **self.integration.summary(),
            **self.annotation.summary(),
            "notes": [*self.integration.notes, *self.annotation.notes],
        }


def evaluate_atlas(
    view: AtlasView,
    annotation: ad.AnnData,
    *,
    seed: int,
    max_cells: int,
    supervised: bool = False,
    split: Split | None = None,
    slow_baselines: bool = False,
    kbet: bool = False,
    progress: Progress | None = None,
) -> AtlasEvaluation:
    """Score an annotation beside baselines and controls.

    Both embeddings saw every cell and no label; only the heads learn labels, from training
    cells alone. An embedding that labels shaped knows those of the cells that would be held out;
    its labels are not scored.

    Parameters
    ----------
    view
        The atlas version.
    annotation
        Its annotation, with `keys.X_GENEMAMBA`.
    seed
        Of splits, samples, controls and layouts.
    max_cells
        Integration is scored, and cells are drawn, on a sample of at most so many.
    supervised
        Labels shaped the model's embedding: it is compared with others of that kind.
    split
        Labelled cells to learn from and to score; by default what `split_atlas` chooses.
    slow_baselines
        Also those that take minutes to hours, and need scvi-tools.
    kbet
        Compute kBET too.
    progress
        Called with metrics done and metrics in all.
    """
    labels = view.obs[keys.CELL_TYPE].to_numpy(dtype=str)
    batch = view.obs[keys.BATCH].to_numpy(dtype=str)
    X_ours = np.asarray(annotation[view.obs.index].obsm[keys.X_GENEMAMBA])
    integration, X_pca = evaluate_integration(
        view,
        X_ours,
        seed=seed,
        max_cells=max_cells,
        supervised=supervised,
        slow_baselines=slow_baselines,
        kbet=kbet,
        progress=progress,
    )
    settled = SAW_HELD_OUT if supervised else split or _try_split(view.obs, seed=seed)
    if isinstance(settled, Split):
        methods = evaluate_annotation(
            labels,
            settled,
            by_head(X_ours, fit_probe),
            baseline_labellers(view.counts(), batch, seed=seed, slow=slow_baselines),
            donor=donors_of(view.obs, settled.columns),
            seed=seed,
        )
    else:
        methods = AnnotationEvaluation(notes=(settled,))
    rows = _draw(len(labels), max_cells, seed)
    return AtlasEvaluation(
        integration=integration,
        annotation=methods,
        drawn_rows=rows,
        umap={
            name: umap_coordinates(X[rows], seed=seed)
            for name, X in ((keys.X_GENEMAMBA, X_ours), (keys.X_PCA, X_pca))
        },
    )


def _try_split(obs: pd.DataFrame, *, seed: int) -> Split | str:
    """Return the default split, or why there is none."""
    try:
        return split_atlas(obs, seed=seed)
    except SchemaError as error:
        return f"Annotation cannot be scored: {error}"


def _draw(n_obs: int, max_cells: int, seed: int) -> npt.NDArray[np.intp]:
    if n_obs <= max_cells:
        return np.arange(n_obs)
    return np.sort(np.random.default_rng(seed).choice(n_obs, max_cells, replace=False))
