"""The inner loop of the rank encoding, compiled: CSR cells in, gene tokens out.

A cell is sorted in one pass over buckets. The bits of a positive float sort as the float does, so
the inverted bits are a key that ascends as the value descends. A table made from some cells spreads
the keys evenly over more buckets than a cell has genes; what is left to do inside a bucket is a
few comparisons. The table changes the speed alone, never the order.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from genemamba.compiled import compiled

N_BUCKETS: Final = 4096
"""Twice the genes of a usual cell; one pass over them still costs less than the sort."""

CUT_SHIFT: Final = 18
"""Bits of a key below the cuts: 32 cuts for every doubling of the value."""

N_CUTS: Final = 1 << (31 - CUT_SHIFT)
"""Cuts over all positive floats."""

CROWDED: Final = 32
"""Genes of a bucket from which on it is sorted by itself, since insertion takes the square."""

LEFT_OUT: Final = np.uint32(0xFFFFFFFF)
"""In place of a token: the vocabulary lacks the gene."""

FINE: Final = 0
"""The cells were encoded."""

DISORDERED: Final = 1
"""A cell names its genes out of order, or twice, or one that is not there."""

NO_COUNTS: Final = 2
"""A value is negative or not finite."""

_KEY_BITS: Final = np.uint32(0x7FFFFFFF)
_CUT_BITS: Final = np.uint32((1 << CUT_SHIFT) - 1)
_SHIFT: Final = np.uint32(CUT_SHIFT)
_HALF: Final = np.uint64(32)
_SMOOTHING: Final = 64


class Encoded(NamedTuple):
    """How an encoding ended."""

    status: int
    """`FINE`, `DISORDERED` or `NO_COUNTS`."""
    n_tokens: int
    """Tokens written."""


@compiled
def learn_cuts(
    indptr: NDArray[np.int64],
    indices: NDArray[np.integer],
    data: NDArray[np.generic],
    genes: NDArray[np.uint32],
) -> NDArray[np.uint64]:
    """Spread the keys of some cells evenly over the buckets.

    Parameters
    ----------
    indptr, indices, data
        Cells, CSR, with indices inside `genes`.
    genes
        Token and bits of the median of each column, shape ``(n_vars, 2)``.

    Returns
    -------
    First bucket of each cut in the lower half, its number of buckets in the upper one, shape
    ``(N_CUTS,)``.
    """
    medians = genes.view(np.float32)
    values = np.empty(1, dtype=np.float32)
    bits = values.view(np.uint32)
    seen = np.ones(N_CUTS, dtype=np.int64)
    for entry in range(indptr[0], indptr[-1]):
        gene = indices[entry]
        if data[entry] > 0 and genes[gene, 0] != LEFT_OUT:
            values[0] = np.float32(data[entry]) / medians[gene, 1]
            seen[(~bits[0] & _KEY_BITS) >> _SHIFT] += _SMOOTHING
    cuts = np.empty(N_CUTS, dtype=np.uint64)
    total, below = seen.sum(), np.int64(0)
    for cut in range(N_CUTS):
        first = below * (N_BUCKETS - 1) // total
        below += seen[cut]
        width = below * (N_BUCKETS - 1) // total - first
        cuts[cut] = np.uint64(first) | (np.uint64(width) << _HALF)
    return cuts


@compiled
def _exchange_neighbours(keys: NDArray[np.uint64]) -> None:
    for pair in range(len(keys) // 2):
        left, right = keys[2 * pair], keys[2 * pair + 1]
        in_order = left < right
        keys[2 * pair] = left if in_order else right
        keys[2 * pair + 1] = right if in_order else left


@compiled
def encode_cells(  # noqa: C901  # one loop over cells, its steps in order
    indptr: NDArray[np.int64],
    indices: NDArray[np.integer],
    data: NDArray[np.generic],
    genes: NDArray[np.uint32],
    cuts: NDArray[np.uint64],
    seqlen: int,
    lengths: NDArray[np.int64],
    tokens: NDArray[np.int32],
) -> tuple[int, np.int64]:
    """Write the tokens of consecutive cells, highest value first, ties by token.

    Parameters
    ----------
    indptr
        Where each cell begins in `indices` and `data`, and the end, shape ``(n_obs + 1,)``.
    indices, data
        Columns and counts of all cells.
    genes
        Token, or `LEFT_OUT`, and bits of the median of each column, shape ``(n_vars, 2)``.
    cuts
        From `learn_cuts`.
    seqlen
        Tokens kept of a cell, at most.
    lengths
        Filled with the tokens of each cell, shape ``(n_obs,)``.
    tokens
        Filled from its beginning, cell after cell; long enough.

    Returns
    -------
    The fields of `Encoded`.
    """
    n_vars = genes.shape[0]
    medians = genes.view(np.float32)
    widest = np.int64(0)
    for cell in range(len(lengths)):
        widest = max(widest, indptr[cell + 1] - indptr[cell])
    values = np.empty(widest, dtype=np.float32)
    bits = values.view(np.uint32)
    token = np.empty(widest, dtype=np.uint32)
    bucket = np.empty(widest, dtype=np.uint16)
    keys = np.empty(widest, dtype=np.uint64)
    ranked = np.empty(widest, dtype=np.uint64)
    # The last bucket takes the genes that are left out.
    ends = np.empty(N_BUCKETS + 1, dtype=np.uint32)
    written = np.int64(0)
    for cell in range(len(lengths)):
        # Slices, and unsigned numbers, spare the loops a test for negative positions.
        columns = indices[indptr[cell] : indptr[cell + 1]]
        counts = data[indptr[cell] : indptr[cell + 1]]
        n = len(columns)
        disordered = 0
        for j in range(n - 1):
            disordered += columns[j] >= columns[j + 1]
        if disordered or (n and (columns[0] < 0 or columns[n - 1] >= n_vars)):
            return DISORDERED, written

        impossible = 0
        for j in range(n):
            impossible += (counts[j] < 0) | (counts[j] - counts[j] != 0)
        if impossible:
            return NO_COUNTS, written

        kept = 0
        for j in range(n):
            gene, count = np.uintp(columns[j]), counts[j]
            values[j] = np.float32(count) / medians[gene, 1]
            token[j] = genes[gene, 0] if count > 0 else LEFT_OUT
            kept += token[j] != LEFT_OUT

        ends[:] = 0
        for j in range(n):
            key = ~bits[j] & _KEY_BITS
            cut = cuts[key >> _SHIFT]
            place = np.uint32(cut) + (((key & _CUT_BITS) * np.uint32(cut >> _HALF)) >> _SHIFT)
            bucket[j] = place if token[j] != LEFT_OUT else np.uint32(N_BUCKETS)
            keys[j] = (np.uint64(key) << _HALF) | np.uint64(token[j])
            ends[bucket[j]] += np.uint32(1)
        before, most = np.uint32(0), np.uint32(0)
        for place in range(N_BUCKETS):
            count_here = ends[place]
            ends[place] = before
            before += count_here
            most = max(most, count_here)
        ends[N_BUCKETS] = before
        for j in range(n):
            place = ends[bucket[j]]
            ends[bucket[j]] = place + np.uint32(1)
            ranked[place] = keys[j]

        length = min(kept, seqlen)
        if most > CROWDED:
            first = np.int64(0)
            for place in range(N_BUCKETS):
                end = np.int64(ends[place])
                if first >= length:
                    break
                if end - first > CROWDED:
                    ranked[first:end].sort()
                first = end
        # Exchanging neighbours has no branch and sorts nearly all; insertion then the rest.
        for _ in range(2):
            _exchange_neighbours(ranked[:kept])
            _exchange_neighbours(ranked[1:kept])
        for j in range(1, kept):
            moved, place = ranked[j], j - 1
            while place >= 0 and ranked[place] > moved:
                ranked[place + 1] = ranked[place]
                place -= 1
            ranked[place + 1] = moved
        cell_tokens = tokens[written : written + length]
        for j in range(length):
            cell_tokens[j] = np.int32(ranked[j] & np.uint64(0xFFFFFFFF))
        lengths[cell] = length
        written += length
    return FINE, written
