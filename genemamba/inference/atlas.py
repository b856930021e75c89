"""Embedding and labels of every cell of an atlas, as one AnnData."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import anndata as ad
import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from genemamba import keys
from genemamba.atlas.codecs import explicit_defaults
from genemamba.atlas.versions.view import AtlasView
from genemamba.errors import ModelError
from genemamba.inference.annotation import LabelTransfer, can_learn_from, fit_probe
from genemamba.inference.embedding import embed_cells
from genemamba.provenance import Json
from genemamba.storage import Progress, zarr_store
from genemamba.tokens.rank import rank_tokens
from genemamba.tokens.token_cache import tokens_of_view
from genemamba.tokens.token_set import TokenSet
from genemamba.training.checkpoint import Checkpoint

KEPT_COLUMNS: Final = (keys.CELL_TYPE, keys.BATCH, keys.DEPOSIT, keys.CONTENT_HASH)
"""Columns of the atlas that travel with an annotation, so that it can be read alone."""


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

    The embedding comes from a model that never saw a label; labels are learnt on top of it
    by `fit_probe` from all labelled cells.

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
    AnnData of shape ``(n_obs, 0)``: `keys.X_GENEMAMBA` in ``obsm``, `keys.CELL_TYPE_PRED` and
    `keys.CELL_TYPE_PRED_CONFIDENCE` in ``obs``. Without two labelled types every cell is
    unknown, with confidence 0; so is a cell with no gene of the vocabulary.

    Raises
    ------
    ModelError
        No gene of the atlas is in the model's vocabulary.
    """
    measured = set(view.gene_ids)
    known = [gene for gene in checkpoint.vocabulary.gene_ids if gene in measured]
    if not known:
        msg = (
            f"Expected genes of atlas {view.manifest.atlas!r} in the model's vocabulary, found "
            f"none of {len(measured)}. Choose another model, or train one on this atlas."
        )
        raise ModelError(msg)
    tokens = _read_tokens(view, checkpoint, known, cache=cache)
    embedding = embed_cells(checkpoint.model.to(device), tokens, device=device, progress=progress)
    seen = tokens.lengths > 0
    labels = np.where(seen, view.obs[keys.CELL_TYPE].to_numpy(dtype=str), keys.UNKNOWN)
    transfer = _transfer_labels(embedding, labels, threshold=threshold, seed=seed)
    obs = view.obs[list(KEPT_COLUMNS)].copy()
    obs[keys.CELL_TYPE_PRED] = pd.Categorical(np.where(seen, transfer.labels, keys.UNKNOWN))
    obs[keys.CELL_TYPE_PRED_CONFIDENCE] = np.where(seen, transfer.confidence, 0).astype(np.float32)
    reach = {"genes_in_vocabulary": len(known), "cells_without_token": int((~seen).sum())}
    return ad.AnnData(obs=obs, obsm={keys.X_GENEMAMBA: embedding}, uns={keys.UNS: reach})


def _read_tokens(
    view: AtlasView, checkpoint: Checkpoint, known: Sequence[str], *, cache: Path | None
) -> TokenSet:
    vocabulary, seqlen = checkpoint.vocabulary, checkpoint.training_config.seqlen
    if cache is None:
        return rank_tokens(view.counts(known), vocabulary, known, seqlen=seqlen)
    return tokens_of_view(view, vocabulary, seqlen=seqlen, cache=cache)


def write_annotation(
    adata: ad.AnnData, url: str, *, provenance: Mapping[str, Json]
) -> dict[str, Json]:
    """Write an annotation as an AnnData Zarr and return the facts that the catalog keeps.

    Parameters
    ----------
    adata
        From `annotate_atlas`.
    url
        Empty place, local or remote.
    provenance
        What made it; kept in ``uns``.
    """
    reach = dict(adata.uns[keys.UNS])
    adata.uns[keys.UNS] = {**reach, **provenance}
    with explicit_defaults():
        adata.write_zarr(zarr_store(url, mode="w"))
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
    embedding: npt.NDArray[np.floating],
    labels: npt.NDArray[np.str_],
    *,
    threshold: float,
    seed: int,
) -> LabelTransfer:
    if can_learn_from(labels):
        return fit_probe(embedding, labels, seed=seed).transfer(embedding, threshold=threshold)
    return LabelTransfer(
        labels=np.full(len(labels), keys.UNKNOWN, dtype=object),
        confidence=np.zeros(len(labels)),
        probabilities=np.zeros((len(labels), 0)),
        classes=(),
    )
