"""All scores of one annotation of one atlas version, and what the report draws of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import anndata as ad
import numpy as np
import numpy.typing as npt

from genemamba import keys
from genemamba.atlas.versions.view import AtlasView
from genemamba.errors import SchemaError
from genemamba.evaluation.annotation.scores import AnnotationScore, score_annotation
from genemamba.evaluation.annotation.splits import Split, split_labelled
from genemamba.evaluation.annotation.transfer import HeldOutLabels, majority_vote, transfer_labels
from genemamba.evaluation.integration.bounds import broken_bounds
from genemamba.evaluation.integration.controls import (
    PERFECT,
    RANDOM,
    perfect_embedding,
    random_embedding,
)
from genemamba.evaluation.integration.scope import choose_scope
from genemamba.evaluation.integration.scores import IntegrationScores, score_embeddings
from genemamba.evaluation.pca import log_normalised_pca
from genemamba.evaluation.umap import umap_coordinates
from genemamba.provenance import Json
from genemamba.storage import Progress

OURS: Final = "genemamba"
"""The linear probe on `keys.X_GENEMAMBA`, each dimension standardised.

Over one scale it scores the same: accuracy / macro-F1 0.748 / 0.554 beside 0.740 / 0.559 on held-out
cells of PBMC-68k, 0.747 / 0.422 beside 0.747 / 0.423 on held-out batches of a PBMC multi-study set
(``small`` preset, pretrained on each set)."""

BASELINE: Final = "logistic_regression_pca"
"""The same probe on principal components of log-normalised counts, all over one scale.

Standardised, each component would weigh alike, noise too, and the baseline would be a weak one:
accuracy / macro-F1 0.912 / 0.907 instead of 0.944 / 0.921 on held-out batches of pancreas panc8,
0.852 / 0.495 instead of 0.865 / 0.499 on those of a PBMC multi-study set, and 0.790 / 0.653 instead
of 0.804 / 0.664 on held-out cells of PBMC-68k."""

MAJORITY: Final = "majority_vote"
"""The most frequent label of the training cells: what knowing nothing scores."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class AtlasEvaluation:
    """Scores, and the layouts that the report draws."""

    integration: IntegrationScores
    """Embeddings beside controls."""
    annotation: Mapping[str, AnnotationScore]
    """Methods by name, ours first; empty without labels to hold out."""
    split_kind: str | None
    """``held-out batch`` or ``held-out cells``; None without labels to hold out."""
    split: str | None
    """The same with counts."""
    notes: tuple[str, ...]
    """Why annotation is not scored, or what was not learnt from."""
    drawn_rows: npt.NDArray[np.intp]
    """Rows of the atlas that are drawn, ascending."""
    umap: Mapping[str, npt.NDArray[np.float32]]
    """Coordinates of the drawn cells by embedding, shape ``(n_drawn, 2)``."""

    def summary(self) -> dict[str, Json]:
        """Return the figures that a person asks for first, by embedding and by method."""
        integration: dict[str, dict[str, float | None]] = {}
        for score in self.integration.scores:
            integration.setdefault(score.embedding, {})[score.metric] = finite_or_none(score.value)
        return {
            "integration": integration,
            "annotation": {
                name: {"accuracy": score.accuracy, "macro_f1": score.macro_f1, "n": score.n}
                for name, score in self.annotation.items()
            },
            "split": {"kind": self.split_kind, "summary": self.split},
            "notes": [*self.integration.notes, *self.notes],
        }


def evaluate_atlas(
    view: AtlasView,
    annotation: ad.AnnData,
    *,
    seed: int,
    max_cells: int,
    progress: Progress | None = None,
) -> AtlasEvaluation:
    """Score an annotation beside baselines and controls.

    Both embeddings saw every cell and no label; only the heads learn labels, from training
    cells alone.

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
    progress
        Called with metrics done and metrics in all.
    """
    labels = view.obs[keys.CELL_TYPE].to_numpy(dtype=str)
    batch = view.obs[keys.BATCH].to_numpy(dtype=str)
    X_ours = np.asarray(annotation[view.obs.index].obsm[keys.X_GENEMAMBA])
    X_pca = log_normalised_pca(view.counts(), seed=seed)
    embeddings = {
        keys.X_GENEMAMBA: X_ours,
        keys.X_PCA: X_pca,
        RANDOM: random_embedding(len(labels), seed=seed),
        PERFECT: perfect_embedding(labels, seed=seed),
    }
    integration = score_embeddings(
        embeddings, labels, batch, seed=seed, max_cells=max_cells, progress=progress
    )
    scope = choose_scope(labels, batch, seed=seed, max_cells=max_cells, kbet=False)
    broken = broken_bounds(integration.scores, labels, batch, scope.rows)
    content = view.obs[keys.CONTENT_HASH].to_numpy(dtype=str)
    split, notes = _try_split(labels, batch, content, seed=seed)
    methods = _score_methods(X_ours, X_pca, labels, split, seed=seed) if split else {}
    rows = _draw(len(labels), max_cells, seed)
    return AtlasEvaluation(
        integration=replace(integration, notes=(*integration.notes, *broken)),
        annotation=methods,
        split_kind=split.kind if split else None,
        split=split.summary if split else None,
        notes=notes,
        drawn_rows=rows,
        umap={
            name: umap_coordinates(embeddings[name][rows], seed=seed)
            for name in (keys.X_GENEMAMBA, keys.X_PCA)
        },
    )


def finite_or_none(value: float) -> float | None:
    """Return a number as JSON can hold it."""
    return value if np.isfinite(value) else None


def _try_split(
    labels: npt.NDArray[np.str_],
    batch: npt.NDArray[np.str_],
    content: npt.NDArray[np.str_],
    *,
    seed: int,
) -> tuple[Split | None, tuple[str, ...]]:
    try:
        split = split_labelled(labels, batch, content_hash=content, seed=seed)
    except SchemaError as error:
        return None, (f"Annotation cannot be scored: {error}",)
    if not split.n_copies:
        return split, ()
    return split, (f"Labelled cells not learnt from where a copy is scored: {split.n_copies:,}.",)


def _score_methods(
    X_ours: npt.NDArray[np.floating],
    X_pca: npt.NDArray[np.floating],
    labels: npt.NDArray[np.str_],
    split: Split,
    *,
    seed: int,
) -> dict[str, AnnotationScore]:
    predictions: dict[str, HeldOutLabels] = {
        OURS: transfer_labels(X_ours, labels, split, seed=seed),
        BASELINE: transfer_labels(X_pca, labels, split, seed=seed, standardise=False),
        MAJORITY: majority_vote(labels, split),
    }
    return {
        name: score_annotation(held_out.truth, held_out.predicted, seed=seed)
        for name, held_out in predictions.items()
    }


def _draw(n_obs: int, max_cells: int, seed: int) -> npt.NDArray[np.intp]:
    if n_obs <= max_cells:
        return np.arange(n_obs)
    return np.sort(np.random.default_rng(seed).choice(n_obs, max_cells, replace=False))
