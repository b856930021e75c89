"""Embedding and labels of every cell of an atlas, as one AnnData."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import anndata as ad
import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
import zarr

from genemamba import keys
from genemamba.annotation.linear_probe import (
    LabelTransfer,
    can_learn_from,
    draw_labelled,
    fit_probe,
)
from genemamba.atlas.codecs import explicit_defaults
from genemamba.atlas.versions.view import AtlasView
from genemamba.errors import StoreError
from genemamba.inference.atlas_embedding import embed_atlas
from genemamba.inference.embedded_cells import EmbeddedCells
from genemamba.provenance import Json
from genemamba.storage import Progress, open_zarr_group, zarr_store
from genemamba.training.checkpoint import Checkpoint

KEPT_COLUMNS: Final = (keys.CELL_TYPE, keys.BATCH, keys.DEPOSIT, keys.CONTENT_HASH)
"""Columns of the atlas that travel with an annotation, so that it can be read alone."""

REACH: Final = ("genes_in_vocabulary", "cells_without_token")
"""Facts about an embedding that concern its labels, too."""


def annotate_atlas(
    view: AtlasView,
    checkpoint: Checkpoint,
    *,
    threshold: float,
    seed: int,
    device: torch.device,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> ad.AnnData:
    """Embed every cell, learn the labels that are there, and give every cell one.

    `embed_atlas` and `annotate_cells` in one, for atlases whose embedding fits in memory.

    Parameters
    ----------
    view
        The atlas version.
    checkpoint
        The model with its vocabulary.
    threshold
        Confidence below which a cell is called unknown.
    seed
        Seed of the probe.
    device
        Where the model runs.
    cache
        Local folder of token stores: what is there is not cut from counts again; none by default.
    progress
        Called with cells embedded and cells in all.

    Returns
    -------
    As `annotate_cells`, with `keys.X_GENEMAMBA` in ``obsm``.

    Raises
    ------
    ModelError
        No gene of the atlas is in the model's vocabulary.
    """
    with TemporaryDirectory(prefix="genemamba-") as folder:
        url = f"{folder}/embedding.zarr"
        embed_atlas(view, checkpoint, url, device=device, cache=cache, progress=progress)
        embedding = EmbeddedCells.open(url)
        adata = annotate_cells(view, embedding, threshold=threshold, seed=seed)
        adata.obsm[keys.X_GENEMAMBA] = embedding.read()
    return adata


def annotate_cells(
    view: AtlasView, embedding: EmbeddedCells, *, threshold: float, seed: int
) -> ad.AnnData:
    """Learn the labels that are there on top of an embedding, and give every cell one.

    The embedding comes from a model that never saw a label; labels are learnt on top of it
    by `fit_probe` from all labelled cells. One shard of the embedding is in memory at a time.

    Parameters
    ----------
    view
        The atlas version.
    embedding
        Of its cells.
    threshold
        Confidence below which a cell is called unknown.
    seed
        Seed of the probe.

    Returns
    -------
    AnnData of shape ``(n_obs, 0)`` with `keys.CELL_TYPE_PRED` and
    `keys.CELL_TYPE_PRED_CONFIDENCE` in ``obs``. Without two labelled types every cell is
    unknown, with confidence 0; so is a cell with no gene of the vocabulary.

    Raises
    ------
    StoreError
        The embedding is of other cells, or part of it is missing.
    """
    if not embedding.obs.index.equals(view.obs.index):
        msg = (
            f"Expected the embedding of {len(view.obs)} cells of atlas {view.manifest.atlas!r} at "
            f"{embedding.url}, found {embedding.n_obs} others. Embed this version."
        )
        raise StoreError(msg)
    seen = embedding.has_token
    labels = np.where(seen, view.obs[keys.CELL_TYPE].to_numpy(dtype=str), keys.UNKNOWN)
    predicted, confidence = _transfer_labels(embedding, labels, threshold=threshold, seed=seed)
    obs = view.obs[list(KEPT_COLUMNS)].copy()
    obs[keys.CELL_TYPE_PRED] = pd.Categorical(np.where(seen, predicted, keys.UNKNOWN))
    obs[keys.CELL_TYPE_PRED_CONFIDENCE] = np.where(seen, confidence, 0).astype(np.float32)
    reach = {name: embedding.facts[name] for name in REACH}
    return ad.AnnData(obs=obs, uns={keys.UNS: reach})


def write_annotation(
    adata: ad.AnnData,
    url: str,
    *,
    provenance: Mapping[str, Json],
    embedding: EmbeddedCells | None = None,
) -> dict[str, Json]:
    """Write an annotation as an AnnData Zarr and return the facts that the catalog keeps.

    Parameters
    ----------
    adata
        From `annotate_atlas`, or from `annotate_cells` together with the embedding.
    url
        Empty place, local or remote.
    provenance
        What made it; kept in ``uns``.
    embedding
        Its array is copied as it lies there, whatever its size.
    """
    reach = {name: int(value) for name, value in adata.uns[keys.UNS].items()}
    adata.uns[keys.UNS] = {**reach, **provenance}
    with explicit_defaults():
        adata.write_zarr(zarr_store(url, mode="w"))
        if embedding is not None:
            embedding.copy_array(url)
            zarr.consolidate_metadata(open_zarr_group(url, mode="r+").store)
    predicted = adata.obs[keys.CELL_TYPE_PRED]
    return {
        "n_obs": adata.n_obs,
        **reach,
        "n_unknown": int((predicted == keys.UNKNOWN).sum()),
        "labels": {str(label): int(n) for label, n in predicted.value_counts().items() if n},
    }


def read_annotation(url: str) -> ad.AnnData:
    """Read what `write_annotation` wrote."""
    return ad.read_zarr(zarr_store(url, mode="r"))


def _transfer_labels(
    embedding: EmbeddedCells, labels: npt.NDArray[np.str_], *, threshold: float, seed: int
) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.float64]]:
    """Return the label of each cell and its probability."""
    predicted = np.full(len(labels), keys.UNKNOWN, dtype=object)
    confidence = np.zeros(len(labels))
    if can_learn_from(labels):
        rows = draw_labelled(labels.astype(object), seed=seed)
        probe = fit_probe(embedding.take(rows), labels[rows], seed=seed)
        for here, X in embedding.blocks():
            transfer: LabelTransfer = probe.transfer(X, threshold=threshold)
            predicted[here], confidence[here] = transfer.labels, transfer.confidence
    return predicted, confidence
