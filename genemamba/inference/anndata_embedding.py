"""``genemamba.embed``: the cells of an AnnData, embedded where they are."""

from pathlib import Path

import anndata as ad
import numpy as np
import torch
from numpy.typing import NDArray

from genemamba import keys
from genemamba.atlas.genes.mapping import MAPPED
from genemamba.inference.anndata_counts import AnnDataCounts
from genemamba.inference.embedding import embed_tokens
from genemamba.inference.encoder import BackendOption, Encoder, open_encoder
from genemamba.inference.models import computed_with, known_genes, open_model
from genemamba.inference.precision import Precision
from genemamba.provenance import Json
from genemamba.storage import Progress
from genemamba.tokens.rank_encoder import RankEncoder
from genemamba.tokens.vocabulary import Vocabulary
from genemamba.training.checkpoint import Checkpoint


def embed(
    adata: ad.AnnData,
    model: str | Path | Checkpoint,
    *,
    layer: str | None = None,
    key_added: str = keys.X_GENEMAMBA,
    copy: bool = False,
    device: str | torch.device | None = None,
    seqlen: int | None = None,
    backend: BackendOption = "torch",
    precision: Precision = "fp32",
    progress: Progress | None = None,
) -> ad.AnnData | None:
    """Embed the cells of an AnnData.

    Gene names are mapped as ingest maps them, so that the embedding is the one that an atlas with
    these cells would hold. It depends on each cell alone. Counts are read in blocks, also from a
    file (``backed="r"``), and never changed.

    Parameters
    ----------
    adata
        Raw counts of human cells. Names of genes are Ensembl ids or symbols, or ``var`` has a
        column of either.
    model
        Folder of a checkpoint, local or remote; or a loaded one.
    layer
        Layer with the raw counts, or ``"raw"`` for ``adata.raw``; ``adata.X`` by default.
    key_added
        Name of the embedding in ``obsm``.
    copy
        Return a copy with the embedding instead of adding it.
    device
        Torch device; the CPU by default.
    seqlen
        Tokens read of a cell, at most; as in the model's training by default.
    backend, precision
        As for `genemamba.inference.encoder.open_encoder`.
    progress
        Called with cells embedded and cells in all.

    Returns
    -------
    None, or the copy. Added are ``obsm[key_added]``, float32, shape ``(n_obs, d_model)``, zeros
    for a cell without a gene that the model knows; and ``uns["genemamba"][key_added]``: digest and
    seed of the model, versions, how it was run, and how many genes and UMIs it saw.

    Raises
    ------
    ModelError
        There is no such checkpoint, it knows none of the genes, or backend or precision cannot be
        used here.
    CountsError
        The values are no raw counts.
    GenesError
        The genes are of another species, or hardly any of them is known.
    SchemaError
        There is no such layer, or no cell.

    Examples
    --------
    >>> genemamba.embed(adata, "models/lung-small", layer="counts")  # doctest: +SKIP
    >>> sc.pp.neighbors(adata, use_rep="X_genemamba")  # doctest: +SKIP
    """
    checkpoint, digest = open_model(model)
    encoder = open_encoder(
        checkpoint.model,
        device=torch.device(device or "cpu"),
        backend=backend,
        precision=precision,
    )
    seqlen = seqlen or checkpoint.seqlen
    counts = AnnDataCounts.find(adata, layer)
    known_genes(checkpoint, _mapped_genes(counts), where=counts.location)
    umis = counts.check()
    embedding, lengths = _embed_blocks(
        encoder, counts, checkpoint.vocabulary, seqlen=seqlen, progress=progress
    )
    facts: dict[str, Json] = {
        "model": digest,
        "seed": checkpoint.training_config.seed if checkpoint.training_config else None,
        "layer": counts.location,
        "seqlen": seqlen,
        "backend": encoder.backend,
        "precision": precision,
        "device": str(encoder.device),
        "versions": computed_with(),
        **_reach(counts, checkpoint.vocabulary, umis),
        "cells_without_token": int((lengths == 0).sum()),
        "cells_at_seqlen": int((lengths == seqlen).sum()),
    }
    target = adata.copy() if copy else adata
    target.obsm[key_added] = embedding
    target.uns[keys.UNS] = {**target.uns.get(keys.UNS, {}), key_added: facts}
    return target if copy else None


def _embed_blocks(
    encoder: Encoder,
    counts: AnnDataCounts,
    vocabulary: Vocabulary,
    *,
    seqlen: int,
    progress: Progress | None,
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the embedding of every cell, and how many tokens it has."""
    n_obs = len(counts.cells)
    ranker = RankEncoder.over(vocabulary, _positions(counts, vocabulary))
    embedding = np.empty((n_obs, encoder.d_model), dtype=np.float32)
    lengths = np.empty(n_obs, dtype=np.int64)
    for start, stop in counts.ranges():
        tokens = ranker.encode(
            counts.read(start, stop), seqlen=seqlen, value_bins=encoder.config.value_bins
        )
        lengths[start:stop] = tokens.lengths
        embedding[start:stop] = embed_tokens(
            encoder, tokens, progress=_from(start, n_obs, progress)
        )
    return embedding, lengths


def _from(start: int, n_obs: int, progress: Progress | None) -> Progress | None:
    if progress is None:
        return None
    return lambda done, _: progress(start + done, n_obs)


def _mapped_genes(counts: AnnDataCounts) -> list[str]:
    return counts.var.index[counts.var[keys.GENE_STATUS].isin(MAPPED)].tolist()


def _positions(counts: AnnDataCounts, vocabulary: Vocabulary) -> NDArray[np.int64]:
    """Return where each gene lies in the vocabulary; -1 where it does not, or has no id."""
    positions = vocabulary.positions(counts.var.index.tolist())
    positions[~counts.var[keys.GENE_STATUS].isin(MAPPED).to_numpy()] = -1
    return positions


def _reach(
    counts: AnnDataCounts, vocabulary: Vocabulary, umis: NDArray[np.float64]
) -> dict[str, Json]:
    """Count the genes and UMIs that the model sees, and those that are lost on the way."""
    matched = _positions(counts, vocabulary) >= 0
    mapped = counts.var[keys.GENE_STATUS].isin(MAPPED).to_numpy()
    return {
        "genes": len(counts.source_genes),
        "genes_mapped": int(mapped.sum()),
        "genes_matched": int(matched.sum()),
        "umis": float(umis.sum()),
        "umis_lost": float(umis[~matched].sum()),
        "share_umis_lost": float(umis[~matched].sum() / umis.sum()),
    }
