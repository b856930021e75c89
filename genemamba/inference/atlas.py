"""Embedding and labels of every cell of an atlas, as one AnnData."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import anndata as ad
import numpy as np
import pandas as pd
import torch
import zarr
from anndata.io import write_elem

from genemamba import keys
from genemamba.annotation.annotator import Annotator, fit_annotator
from genemamba.annotation.label_rules import ACCEPTED, NO_GENE, NO_LABELS, LabelRules
from genemamba.annotation.labelled_cells import can_learn_from, draw_labelled
from genemamba.atlas.codecs import explicit_defaults
from genemamba.atlas.versions.view import AtlasView
from genemamba.errors import StoreError
from genemamba.inference.atlas_embedding import embed_atlas
from genemamba.inference.embedded_cells import EmbeddedCells
from genemamba.inference.embedding_shards import EmbeddingGrid
from genemamba.inference.rolled_up import Naming, TermColumns, count_terms
from genemamba.provenance import Json
from genemamba.publishing import storage_errors
from genemamba.storage import Progress, open_zarr_group, zarr_store
from genemamba.training.checkpoint import Checkpoint

KEPT_COLUMNS: Final = (keys.CELL_TYPE, keys.BATCH, keys.DEPOSIT, keys.CONTENT_HASH)
"""Columns of the atlas that travel with an annotation, so that it can be read alone."""

REACH: Final = ("genes_in_vocabulary", "cells_without_token")
"""Facts about an embedding that concern its labels, too."""

PROBABILITIES: Final = f"obsm/{keys.CELL_TYPE_PROBABILITIES}"
"""Where the probabilities lie in their AnnData."""

LABELLING: Final = "labelling"
"""Facts about the head, in ``uns`` below `keys.UNS`."""

N_CURVE_POINTS: Final = 200
"""Points of the coverage-risk curve that are kept: a picture is not wider."""


def annotate_atlas(
    view: AtlasView,
    checkpoint: Checkpoint,
    *,
    rules: LabelRules,
    seed: int,
    device: torch.device,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> ad.AnnData:
    """Embed every cell, learn the labels that are there, and give every cell one.

    `embed_atlas` and `write_annotation` in one, for atlases whose embedding fits in memory.

    Parameters
    ----------
    view
        The atlas version.
    checkpoint
        The model with its vocabulary.
    rules
        Which head, and when it may answer.
    seed
        Seed of the head.
    device
        Where the model runs.
    cache
        Local folder of token stores: what is there is not cut from counts again; none by default.
    progress
        Called with cells embedded and cells in all.

    Raises
    ------
    ModelError
        No gene of the atlas is in the model's vocabulary.
    """
    with TemporaryDirectory(prefix="genemamba-") as folder:
        embedded, annotated = f"{folder}/embedding.zarr", f"{folder}/annotation.zarr"
        embed_atlas(view, checkpoint, embedded, device=device, cache=cache, progress=progress)
        cells = EmbeddedCells.open(embedded)
        annotator = learn_annotator(view, cells, rules=rules, seed=seed)
        write_annotation(view, cells, annotator, annotated, provenance={})
        return read_annotation(annotated)


def learn_annotator(
    view: AtlasView, embedding: EmbeddedCells, *, rules: LabelRules, seed: int
) -> Annotator | None:
    """Learn the labels that are there on top of an embedding by a model that never saw a label.

    The head is judged by batches that it has not seen where it is to label such: where cells
    without a label lie in a batch without any, or where no cell lacks one, and what comes next is
    a new batch. Else it is judged by cells of the batches that it knows.

    Parameters
    ----------
    view
        The atlas version.
    embedding
        Of its cells.
    rules
        Which head, and when it may answer.
    seed
        Of the head, and of the cells that it learns from.

    Returns
    -------
    None where fewer than two types are labelled.

    Raises
    ------
    StoreError
        The embedding is of other cells, or part of it is missing.
    """
    _check_same_cells(view, embedding)
    seen = embedding.has_token
    labels = np.where(seen, view.obs[keys.CELL_TYPE].to_numpy(dtype=str), keys.UNKNOWN)
    if not can_learn_from(labels):
        return None
    batch = view.obs[keys.BATCH].to_numpy(dtype=str)
    is_labelled = labels != keys.UNKNOWN
    is_new = seen & ~np.isin(batch, batch[is_labelled])
    rows = draw_labelled(labels.astype(object), seed=seed)
    return fit_annotator(
        embedding.take(rows),
        labels[rows],
        batch[rows],
        rules=rules,
        by_batch=bool(is_new.any() or is_labelled[seen].all()),
        seed=seed,
    )


def write_annotation(
    view: AtlasView,
    embedding: EmbeddedCells,
    annotator: Annotator | None,
    url: str,
    *,
    provenance: Mapping[str, Json],
    naming: Naming | None = None,
) -> dict[str, Json]:
    """Label every cell and write labels, probabilities and embedding as an AnnData Zarr.

    One shard of the embedding is in memory at a time. In ``obs`` are `keys.CELL_TYPE_PRED`,
    `keys.CELL_TYPE_PRED_CONFIDENCE` and `keys.CELL_TYPE_PRED_REASON`; in ``obsm``
    `keys.X_GENEMAMBA` and `keys.CELL_TYPE_PROBABILITIES`. Without an annotator every cell is
    unknown, with confidence 0, and there are no probabilities.

    Parameters
    ----------
    view
        The atlas version.
    embedding
        Of its cells; its array is copied as it lies there, whatever its size.
    annotator
        From `learn_annotator`.
    url
        Empty place, local or remote.
    provenance
        What made it; kept in ``uns``.
    naming
        Also call every cell the most specific term that is sure enough, in `keys.TERM_COLUMNS`.

    Returns
    -------
    The facts that the catalog keeps.

    Raises
    ------
    StoreError
        The embedding is of other cells, or part of it is missing.
    StorageError
        The place cannot be written.
    """
    _check_same_cells(view, embedding)
    reach = {name: embedding.facts[name] for name in REACH}
    with storage_errors(url), explicit_defaults():
        root = open_zarr_group(url, mode="w")
        root.attrs.update({"encoding-type": "anndata", "encoding-version": "0.1.0"})
        for name in ("layers", "obsm", "obsp", "varm", "varp"):
            write_elem(root, name, {})
        columns = _label_cells(embedding, annotator, root, naming)
        obs = view.obs[list(KEPT_COLUMNS)].assign(**columns)
        write_elem(root, "obs", obs)
        write_elem(root, "var", pd.DataFrame(index=pd.Index([], dtype=object)))
        labelling = _labelling(annotator) if annotator else {}
        write_elem(root, "uns", {keys.UNS: {**reach, **provenance, LABELLING: labelling}})
        embedding.copy_array(url)
        zarr.consolidate_metadata(open_zarr_group(url, mode="r+").store)
    told, summary = annotator.facts if annotator else {}, summarise_labels(obs)
    labelled = {**summary, LABELLING: {**told, **summary[LABELLING]}}
    return {"n_obs": len(obs), **reach, **labelled, **count_terms(obs)}


def read_annotation(url: str) -> ad.AnnData:
    """Read what `write_annotation` wrote."""
    return ad.read_zarr(zarr_store(url, mode="r"))


def _check_same_cells(view: AtlasView, embedding: EmbeddedCells) -> None:
    if embedding.obs.index.equals(view.obs.index):
        return
    msg = (
        f"Expected the embedding of {len(view.obs)} cells of atlas {view.manifest.atlas!r} at "
        f"{embedding.url}, found {embedding.n_obs} others. Embed this version."
    )
    raise StoreError(msg)


def _label_cells(
    embedding: EmbeddedCells, annotator: Annotator | None, root: zarr.Group, naming: Naming | None
) -> dict[str, Any]:
    """Write the probabilities of every cell, and return the columns that say its label."""
    n_obs, seen = embedding.n_obs, embedding.has_token
    labels = np.full(n_obs, keys.UNKNOWN, dtype=object)
    reasons = np.full(n_obs, NO_LABELS, dtype=object)
    confidence = np.zeros(n_obs, dtype=np.float32)
    classes = annotator.classes if annotator else ()
    terms = TermColumns.blank(n_obs, classes, naming) if naming else None
    if annotator:
        grid = EmbeddingGrid.cut(
            n_obs=n_obs,
            d_model=len(annotator.classes),
            shard_n_obs=embedding.array.shards[0],
            array=PROBABILITIES,
        )
        grid.create(root)
        array: Any = root[PROBABILITIES]
        for here, X in embedding.blocks():
            found = annotator.annotate(X)
            labels[here], reasons[here] = found.labels, found.reasons
            confidence[here] = found.confidence
            probabilities = np.where(seen[here, np.newaxis], found.probabilities, 0)
            array[here] = probabilities.astype(np.float32)
            if terms:
                terms.fill(here, probabilities)
    labels[~seen], reasons[~seen], confidence[~seen] = keys.UNKNOWN, NO_GENE, 0
    return {
        keys.CELL_TYPE_PRED: pd.Categorical(labels),
        keys.CELL_TYPE_PRED_CONFIDENCE: confidence,
        keys.CELL_TYPE_PRED_REASON: pd.Categorical(reasons),
        **(terms.columns() if terms else {}),
    }


def _labelling(annotator: Annotator) -> dict[str, Any]:
    """Return what is told about a head beside its labels."""
    curve = annotator.curve.thin(N_CURVE_POINTS)
    return {
        **annotator.facts,
        "classes": np.array(annotator.classes, dtype=object),
        "curve_coverage": curve.coverage,
        "curve_risk": curve.risk,
        "curve_area": annotator.curve.area,
    }


def summarise_labels(obs: pd.DataFrame) -> dict[str, Any]:
    """Count what the cells of an annotation were called, and why not, for the catalog."""
    reasons = obs[keys.CELL_TYPE_PRED_REASON].value_counts()
    n_accepted = int(reasons.get(ACCEPTED, 0))
    return {
        "n_unknown": len(obs) - n_accepted,
        "labels": {
            str(label): int(n) for label, n in obs[keys.CELL_TYPE_PRED].value_counts().items()
        },
        LABELLING: {
            "accepted_share": n_accepted / max(len(obs), 1),
            "unknown_because": {
                str(name): int(n) for name, n in reasons.items() if name != ACCEPTED
            },
        },
    }
