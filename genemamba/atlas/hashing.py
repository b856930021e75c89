"""What a cell is, whatever its name and the order of its genes: hashes of its counts."""

import hashlib
import itertools
from collections.abc import Iterable
from typing import Final

import numpy as np
from scipy.sparse import csr_matrix

HASH_BYTES: Final = 16
"""128 bits: no accidental clash among 1e9 cells (birthday bound 1e-21)."""

HASH_DTYPE: Final = np.dtype(f"S{2 * HASH_BYTES}")
"""Hex digits of one hash."""


def hash_cells(counts: csr_matrix, numbers: np.ndarray) -> np.ndarray:
    """Hash the (gene, count) pairs of each cell, sorted by gene; unmapped genes do not count.

    Each pair is two little-endian 64-bit integers, the Ensembl number and the count; the hash
    is BLAKE2b (RFC 7693) of `HASH_BYTES`. Renaming, permuting or adding unmapped genes leaves
    it as it is.

    Parameters
    ----------
    counts
        Integer counts, canonical CSR, shape ``(n_obs, n_vars)``.
    numbers
        Ensembl number of each gene, uint64, shape ``(n_vars,)``; 0 where it has none.

    Returns
    -------
    Hashes, `HASH_DTYPE`, shape ``(n_obs,)``.
    """
    mapped = _by_number(counts, numbers)
    pairs = np.empty((mapped.nnz, 2), dtype="<u8")
    pairs[:, 0] = np.sort(numbers[numbers > 0])[mapped.indices]
    pairs[:, 1] = mapped.data
    content = pairs.view(np.uint8).reshape(-1).data
    bounds = (mapped.indptr.astype(np.int64) * pairs.itemsize * 2).tolist()
    return np.asarray(
        [
            hashlib.blake2b(content[low:high], digest_size=HASH_BYTES).hexdigest()
            for low, high in itertools.pairwise(bounds)
        ],
        dtype=HASH_DTYPE,
    )


def cell_totals(counts: csr_matrix) -> np.ndarray:
    """Add up the counts of each cell in float64, exact below 2**53, shape ``(n_obs,)``."""
    n_obs = counts.shape[0]
    rows = np.repeat(np.arange(n_obs), np.diff(counts.indptr))
    return np.bincount(rows, weights=counts.data, minlength=n_obs)


def content_digest(cell_hashes: Iterable[bytes]) -> str:
    """Return one digest of a set of cells that ignores their order.

    Parameters
    ----------
    cell_hashes
        From `hash_cells`.

    Returns
    -------
    ``sha256:`` and 64 hex digits over the sorted hashes, one a line.
    """
    lines = b"".join(cell_hash + b"\n" for cell_hash in sorted(cell_hashes))
    return f"sha256:{hashlib.sha256(lines).hexdigest()}"


def _by_number(counts: csr_matrix, numbers: np.ndarray) -> csr_matrix:
    """Keep the mapped genes, in the order of their numbers."""
    n_mapped = int(np.count_nonzero(numbers))
    rank = np.full(len(numbers), -1, dtype=np.int32)
    rank[np.argsort(numbers, kind="stable")[len(numbers) - n_mapped :]] = np.arange(n_mapped)
    indices = rank[counts.indices]
    keep = indices >= 0
    if keep.all():
        data, indptr = counts.data, counts.indptr
    else:
        kept_before = np.concatenate([[0], np.cumsum(keep)])
        data, indices, indptr = counts.data[keep], indices[keep], kept_before[counts.indptr]
    # Sorting works in place, and `data` may be the caller's.
    mapped = csr_matrix((data.copy(), indices, indptr), shape=(counts.shape[0], n_mapped))
    mapped.sort_indices()
    return mapped
