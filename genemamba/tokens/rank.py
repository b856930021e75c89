"""Rank encoding: a cell becomes its genes, ordered by how unusual their counts are.

The value of a gene in a cell is its count divided by the gene's median over the cells that
express it. Scaling the cell to a fixed sum first, as the definition has it, multiplies all values
of a cell alike and so cannot change their order; it is left out. Genes of equal value follow in
the order of the vocabulary, which Geneformer leaves to the sorting routine.

References
----------
Geneformer V1's tokenizer: Theodoris et al., Nature 618 (2023), Methods, "rank value encoding".
"""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from genemamba.errors import CountsError, InputError, SchemaError
from genemamba.tokens.token_set import TokenSet
from genemamba.tokens.vocabulary import FIRST_GENE_TOKEN, Vocabulary

BLOCK_N_OBS: Final = 4096
"""Cells encoded at a time: bounds the working memory to some tens of megabytes."""

_HALF: Final = np.uint64(32)
_LOWER_HALF: Final = np.uint64(0xFFFFFFFF)


def rank_tokens(
    counts: csr_matrix, vocabulary: Vocabulary, gene_ids: Sequence[str], *, seqlen: int
) -> TokenSet:
    """Order the genes of every cell by count over median, highest first.

    Parameters
    ----------
    counts
        Raw counts, shape ``(n_obs, n_vars)``.
    vocabulary
        Genes with their tokens and medians; genes that it lacks are left out.
    gene_ids
        Ensembl ids of the columns, each once.
    seqlen
        Tokens kept of a cell, at most.

    Returns
    -------
    Tokens of every cell; a cell that expresses no gene of the vocabulary has none.

    Raises
    ------
    InputError
        `seqlen` is below 1.
    CountsError
        A value is negative or not finite.
    SchemaError
        A gene is named twice, or there are not as many genes as columns.
    """
    _check(counts, gene_ids, seqlen)
    if not counts.has_canonical_format:
        counts = counts.copy()
        counts.sum_duplicates()
    positions = vocabulary.positions(gene_ids)
    blocks = [
        _encode_block(counts[start : start + BLOCK_N_OBS], vocabulary, positions, seqlen=seqlen)
        for start in range(0, counts.shape[0], BLOCK_N_OBS)
    ]
    cells = [cell for block in blocks for cell in block]
    indptr = np.zeros(len(cells) + 1, dtype=np.int64)
    np.cumsum([len(cell) for cell in cells], out=indptr[1:])
    tokens = np.concatenate([np.empty(0, dtype=np.int32), *cells])
    return TokenSet(tokens=tokens, indptr=indptr)


def _encode_block(
    counts: csr_matrix, vocabulary: Vocabulary, positions: NDArray[np.int64], *, seqlen: int
) -> list[NDArray[np.int32]]:
    position = positions[counts.indices]
    kept = (position >= 0) & (counts.data > 0)
    rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))[kept]
    position = position[kept]
    value = counts.data[kept].astype(np.float32) / vocabulary.medians[position]
    # The bits of positive floats sort as the floats do, so one integer sort orders by value
    # descending and then by token ascending.
    keys = ~value.view(np.uint32) & np.uint32(0x7FFFFFFF)
    packed = (keys.astype(np.uint64) << _HALF) | (position + FIRST_GENE_TOKEN).astype(np.uint64)
    bounds = np.searchsorted(rows, np.arange(counts.shape[0] + 1))
    cells = []
    for start, end in pairwise(bounds):
        packed[start:end].sort()
        cells.append((packed[start : min(end, start + seqlen)] & _LOWER_HALF).astype(np.int32))
    return cells


def _check(counts: csr_matrix, gene_ids: Sequence[str], seqlen: int) -> None:
    if seqlen < 1:
        raise InputError(
            expected="room for one gene at least",
            found=f"seqlen={seqlen}",
            remedy="Raise seqlen.",
        )
    doubled = sorted(gene for gene, times in Counter(gene_ids).items() if times > 1)
    if doubled or len(gene_ids) != counts.shape[1]:
        raise SchemaError(
            expected=f"one gene id for each of {counts.shape[1]} columns, each once",
            found=f"{len(gene_ids)} ids, doubled: {', '.join(doubled[:5]) or 'none'}",
            remedy="Sum the columns of one gene before encoding.",
        )
    if counts.nnz and not (np.isfinite(counts.data).all() and counts.data.min() >= 0):
        raise CountsError(
            expected="counts of zero or more",
            found="negative or non-finite values",
            remedy="Give raw counts.",
        )
