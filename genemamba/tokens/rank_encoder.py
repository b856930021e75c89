"""A vocabulary laid against the genes of a matrix, ready to encode its cells on all cores."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from genemamba.errors import CountsError, SchemaError
from genemamba.tokens.rank_kernel import (
    DISORDERED,
    LEFT_OUT,
    NO_COUNTS,
    Encoded,
    encode_cells,
    learn_cuts,
)
from genemamba.tokens.token_set import TokenSet
from genemamba.tokens.value_bins import bin_values
from genemamba.tokens.vocabulary import FIRST_GENE_TOKEN, Vocabulary

ENCODING_VERSION: Final = "count-over-median/1"
"""Names the rule above; another one must have another name, or cached tokens are taken for it."""

BLOCK_N_OBS: Final = 1024
"""Cells that a thread encodes at a time."""

SAMPLE_N_OBS: Final = 64
"""Cells from which the buckets of the sort are laid out."""


COMPILED: Final = frozenset(np.dtype(code).str for code in "fdbhilqBHILQ")
"""Number types that the loop is compiled for; values of others are made float64 first."""


@dataclass(frozen=True, slots=True, eq=False)
class RankEncoder:
    """A vocabulary laid against the columns of a matrix.

    Parameters
    ----------
    genes
        Token, or `LEFT_OUT`, and bits of the median of each column, uint32, shape
        ``(n_vars, 2)``; made by `over`.
    """

    genes: NDArray[np.uint32]

    @classmethod
    def over(cls, vocabulary: Vocabulary, positions: NDArray[np.int64]) -> Self:
        """Say which gene of the vocabulary each column holds.

        Parameters
        ----------
        vocabulary
            Genes with their tokens and medians.
        positions
            Gene of each column, -1 for none, shape ``(n_vars,)``.
        """
        known = positions >= 0
        genes = np.empty((len(positions), 2), dtype=np.uint32)
        genes[:, 0] = np.where(known, positions + FIRST_GENE_TOKEN, int(LEFT_OUT))
        medians = np.ones(len(positions), dtype=np.float32)
        medians[known] = vocabulary.medians[positions[known]]
        genes[:, 1] = medians.view(np.uint32)
        return cls(genes)

    def encode(
        self,
        counts: csr_matrix,
        *,
        seqlen: int,
        n_threads: int | None = None,
        value_bins: int = 0,
    ) -> TokenSet:
        """Order the genes of every cell by count over median, highest first.

        Parameters
        ----------
        counts
            Raw counts of any number type, shape ``(n_obs, n_vars)``.
        seqlen
            Tokens kept of a cell, at most.
        n_threads
            Threads that encode; as many as this process may use cores by default.
        value_bins
            Bins of expression to tell with each token, as for `bin_values`; 0 for none.

        Returns
        -------
        Tokens of every cell; a cell that expresses no gene of the vocabulary has none.

        Raises
        ------
        CountsError
            A value is negative or not finite.
        """
        if not counts.shape[0]:
            return TokenSet(
                tokens=np.empty(0, dtype=np.int32),
                indptr=np.zeros(1, dtype=np.int64),
                bins=np.empty(0, dtype=np.uint8) if value_bins else None,
            )
        done = self._encode_blocks(counts, seqlen=seqlen, n_threads=n_threads)
        if any(block.status == DISORDERED for block in done.blocks):
            counts = counts.copy()
            # What SciPy remembers of an order may be out of date.
            counts.has_canonical_format = counts.has_sorted_indices = False
            counts.sum_duplicates()
            done = self._encode_blocks(counts, seqlen=seqlen, n_threads=n_threads)
        if any(block.status == NO_COUNTS for block in done.blocks):
            raise CountsError(
                expected="counts of zero or more",
                found="negative or non-finite values",
                remedy="Give raw counts.",
            )
        if any(block.status == DISORDERED for block in done.blocks):
            raise SchemaError(
                expected=f"columns from 0 to {len(self.genes) - 1}",
                found="others in the counts",
                remedy="Read the counts again from a whole file.",
            )
        ranked = done.join()
        return self._with_bins(ranked, counts, value_bins) if value_bins else ranked

    def _with_bins(self, ranked: TokenSet, counts: csr_matrix, value_bins: int) -> TokenSet:
        indptr = counts.indptr.astype(np.int64)
        tokens = self.genes[:, 0]
        bins = bin_values(
            indptr, counts.indices, counts.data.astype(np.float64), tokens, value_bins,
            ranked.indptr, ranked.tokens,
        )  # fmt: skip
        return replace(ranked, bins=bins)

    def _encode_blocks(
        self, counts: csr_matrix, *, seqlen: int, n_threads: int | None
    ) -> "_EncodedBlocks":
        indptr = counts.indptr.astype(np.int64)
        data = counts.data if counts.data.dtype.str in COMPILED else counts.data.astype(float)
        rooms = np.zeros(len(indptr), dtype=np.int64)
        np.cumsum(np.minimum(np.diff(indptr), seqlen), out=rooms[1:])
        lengths = np.zeros(counts.shape[0], dtype=np.int64)
        tokens = np.empty(rooms[-1], dtype=np.int32)
        cuts = self._learn_cuts(indptr, counts.indices, data)

        def encode(start: int) -> Encoded:
            stop = min(start + BLOCK_N_OBS, counts.shape[0])
            status, n_tokens = encode_cells(
                indptr[start : stop + 1],
                counts.indices,
                data,
                self.genes,
                cuts,
                seqlen,
                lengths[start:stop],
                tokens[rooms[start] : rooms[stop]],
            )
            return Encoded(status=status, n_tokens=int(n_tokens))

        starts = range(0, counts.shape[0], BLOCK_N_OBS)
        with ThreadPoolExecutor(n_threads or usable_cores()) as threads:
            blocks = list(threads.map(encode, starts))
        return _EncodedBlocks(
            blocks=blocks, lengths=lengths, tokens=tokens, rooms=rooms[list(starts)]
        )

    def _learn_cuts(
        self, indptr: NDArray[np.int64], indices: NDArray[np.integer], data: NDArray[np.generic]
    ) -> NDArray[np.uint64]:
        sample = indptr[: SAMPLE_N_OBS + 1]
        columns = indices[: sample[-1]]
        outside = len(columns) and (columns.min() < 0 or columns.max() >= len(self.genes))
        cuts: NDArray[np.uint64] = learn_cuts(
            sample[:1] if outside else sample, columns, data, self.genes
        )
        return cuts


@dataclass(frozen=True, kw_only=True, slots=True)
class _EncodedBlocks:
    blocks: list[Encoded]
    lengths: NDArray[np.int64]
    tokens: NDArray[np.int32]
    rooms: NDArray[np.int64]

    def join(self) -> TokenSet:
        """Close the gaps that genes without a token left behind each block."""
        indptr = np.zeros(len(self.lengths) + 1, dtype=np.int64)
        np.cumsum(self.lengths, out=indptr[1:])
        tokens = self.tokens
        if indptr[-1] < len(tokens):
            parts = zip(self.rooms.tolist(), self.blocks, strict=True)
            tokens = np.concatenate(
                [tokens[start : start + block.n_tokens] for start, block in parts]
            )
        return TokenSet(tokens=tokens, indptr=indptr)


def usable_cores() -> int:
    """Return the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
