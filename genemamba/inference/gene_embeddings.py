"""One vector for every gene: as the model looks it up, or as it stands in the cells of an atlas."""

import gzip
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Literal, get_args

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from genemamba import keys
from genemamba.atlas.genes.mapping import ENSEMBL_ID
from genemamba.atlas.genes.tables import load_reference
from genemamba.atlas.versions.view import AtlasView
from genemamba.inference.embedding import TOKENS_PER_MINIBATCH, encode_minibatches
from genemamba.inference.embedding_shards import CELLS_PER_SHARD
from genemamba.inference.encoder import BackendOption, open_encoder
from genemamba.inference.models import known_genes
from genemamba.inference.precision import Precision
from genemamba.publishing import storage_errors
from genemamba.storage import Progress
from genemamba.tokens.stored_tokens import StoredTokens
from genemamba.tokens.vocabulary import FIRST_GENE_TOKEN, Vocabulary
from genemamba.training.checkpoint import Checkpoint

GeneStates = Literal["input", "cells"]
"""The model's table of embeddings, or mean states of the last layer over an atlas."""

GENE_STATES: Final = get_args(GeneStates)
"""Every `GeneStates`."""

N_CELLS: Final = "n_cells"
"""Column of the table: cells over which a gene's states were averaged."""

DIGITS: Final = 9
"""Significant digits of a written number: any float32 is read as it was."""


def gene_embeddings(checkpoint: Checkpoint) -> pd.DataFrame:
    """Return the vectors that the model's first layer reads, which know no cell.

    Parameters
    ----------
    checkpoint
        The model with its vocabulary.

    Returns
    -------
    Table of the vocabulary's genes, index = Ensembl id: `keys.FEATURE_NAME`, and ``d0``, ``d1``
    and so on, float32.

    References
    ----------
    Gene-level analyses of GeneMamba, arXiv 2504.16956, take the input embedding table.
    """
    vocabulary = checkpoint.vocabulary
    end = FIRST_GENE_TOKEN + len(vocabulary.gene_ids)
    weight = checkpoint.model.embeddings.weight[FIRST_GENE_TOKEN:end]
    vectors = weight.detach().float().cpu().numpy()
    return _table(vocabulary, vectors, rows=np.arange(len(vectors)))


def contextual_gene_embeddings(
    view: AtlasView,
    checkpoint: Checkpoint,
    *,
    device: torch.device,
    backend: BackendOption = "torch",
    precision: Precision = "fp32",
    seqlen: int | None = None,
    rows: NDArray[np.int64] | None = None,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Average the last layer's states of each gene over the cells in which the model reads it.

    Memory holds the model, the tokens of `CELLS_PER_SHARD` cells and one float64 vector a gene.

    Parameters
    ----------
    view
        The atlas version.
    checkpoint
        The model with its vocabulary.
    device
        Where the model runs.
    backend, precision
        As for `genemamba.inference.encoder.open_encoder`.
    seqlen
        Tokens read of a cell, at most; as in the model's training by default.
    rows
        Cells that are read, shape ``(n_cells,)``; all by default.
    cache
        Local folder of token stores; a scratch one by default.
    progress
        Called with cells read and cells in all.

    Returns
    -------
    As `gene_embeddings`, of the genes that occur, with `N_CELLS`.

    Raises
    ------
    ModelError
        No gene of the atlas is in the model's vocabulary, or the backend or precision cannot be
        used here.
    StoreError, CountsError
        A store of the atlas is missing or damaged.
    """
    encoder = open_encoder(checkpoint.model, device=device, backend=backend, precision=precision)
    vocabulary = checkpoint.vocabulary
    known_genes(checkpoint, view.gene_ids, where=f"atlas {view.manifest.atlas!r}")
    sums_VD = torch.zeros(vocabulary.size, encoder.d_model, dtype=torch.float64, device=device)
    n_cells_V = torch.zeros(vocabulary.size, dtype=torch.int64, device=device)
    with ExitStack() as stack:
        scratch = cache or Path(stack.enter_context(TemporaryDirectory(prefix="genemamba-")))
        tokens = StoredTokens.of_view(
            view,
            vocabulary,
            seqlen=seqlen or checkpoint.seqlen,
            cache=scratch,
            value_bins=checkpoint.model_config.value_bins,
        )
        wanted = np.arange(tokens.n_obs) if rows is None else rows
        for start in range(0, len(wanted), CELLS_PER_SHARD):
            stop = min(start + CELLS_PER_SHARD, len(wanted))
            part = tokens.take(wanted[start:stop])
            for _, minibatch, h_BLD in encode_minibatches(
                encoder, part, tokens_per_minibatch=TOKENS_PER_MINIBATCH
            ):
                mask_BL = minibatch.mask.to(device)
                ids_T = minibatch.input_ids.to(device)[mask_BL]
                sums_VD.index_add_(0, ids_T, h_BLD[mask_BL].double())
                n_cells_V += torch.bincount(ids_T, minlength=vocabulary.size)
            if progress:
                progress(stop, len(wanted))
    n_cells = n_cells_V.cpu().numpy()
    tokens_seen = np.flatnonzero(n_cells)
    means = sums_VD.cpu().numpy()[tokens_seen] / n_cells[tokens_seen, None]
    table = _table(vocabulary, means.astype(np.float32), rows=tokens_seen - FIRST_GENE_TOKEN)
    table.insert(1, N_CELLS, n_cells[tokens_seen])
    return table


def write_gene_embeddings(table: pd.DataFrame, path: Path) -> None:
    """Write a table of genes as gzipped TSV; equal tables give equal bytes.

    Parameters
    ----------
    table
        From `gene_embeddings` or `contextual_gene_embeddings`.
    path
        File to write, by custom ``*.tsv.gz``.

    Raises
    ------
    StorageError
        The file cannot be written.
    """
    with (
        storage_errors(str(path)),
        path.open("wb") as file,
        gzip.GzipFile("", "wb", fileobj=file, mtime=0) as stream,
    ):
        table.to_csv(stream, sep="\t", float_format=f"%.{DIGITS}g")


def _table(
    vocabulary: Vocabulary, vectors: NDArray[np.float32], *, rows: NDArray[np.int64]
) -> pd.DataFrame:
    gene_ids = [vocabulary.gene_ids[row] for row in rows.tolist()]
    names = pd.DataFrame({keys.FEATURE_NAME: [_symbol(gene) for gene in gene_ids]})
    numbers = pd.DataFrame(vectors, columns=[f"d{i}" for i in range(vectors.shape[1])])
    table = pd.concat([names, numbers], axis=1)
    table.index = pd.Index(gene_ids, name=ENSEMBL_ID, dtype=object)
    return table


def _symbol(ensembl_id: str) -> str:
    """Return the symbol of a gene, that of a retired one too; the id where there is none."""
    reference = load_reference()
    retired = reference.retired.get(ensembl_id)
    return reference.symbols.get(ensembl_id) or (retired.symbol if retired else ensembl_id)
