"""What a cell is, whatever its name and the order of its genes: hashes of its counts."""

import hashlib
from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np
from scipy.sparse import csr_matrix

from genemamba.atlas.cells.row_kernels import describe_rows

HASH_BYTES: Final = 16
"""128 bits: no accidental clash among 1e9 cells (birthday bound 1e-21)."""

HASH_DTYPE: Final = np.dtype(f"S{2 * HASH_BYTES}")
"""Hex digits of one hash."""


class CellHashes(NamedTuple):
    """Hashes of some cells, and what else their counts add up to."""

    hashes: np.ndarray
    """uint64, shape ``(n_obs, 2)``."""
    n_genes: np.ndarray
    """Genes with a count that went into each hash, int32, shape ``(n_obs,)``."""
    totals: np.ndarray
    """Counts of each cell over all genes, float64, exact below 2**53, shape ``(n_obs,)``."""
    rests: np.ndarray
    """Hash of the counts of the genes whose number is 0, by column, uint64, shape ``(n_obs,)``."""


def hash_cells(counts: csr_matrix, numbers: np.ndarray) -> CellHashes:
    """Hash the (gene, count) pairs of each cell; genes whose number is 0 do not count.

    The hash is a sum over the pairs (`genemamba.atlas.cells.row_kernels.describe_rows`): renaming,
    permuting or adding unmapped genes leaves it as it is.

    Parameters
    ----------
    counts
        Integer counts, CSR with each gene once a cell, shape ``(n_obs, n_vars)``.
    numbers
        Ensembl number of each gene, uint64, shape ``(n_vars,)``; 0 where it has none.
    """
    n_obs = counts.shape[0]
    found = CellHashes(
        hashes=np.empty((n_obs, 2), dtype=np.uint64),
        n_genes=np.empty(n_obs, dtype=np.int32),
        totals=np.empty(n_obs, dtype=np.float64),
        rests=np.empty(n_obs, dtype=np.uint64),
    )
    parts = counts.indptr, counts.indices, counts.data
    describe_rows(*parts, numbers, found.hashes, found.totals, found.n_genes, found.rests)
    return found


def hex_digits(hashes: np.ndarray) -> np.ndarray:
    """Return hashes as hex digits, `HASH_DTYPE`, shape ``(n_obs,)``.

    Parameters
    ----------
    hashes
        uint64, shape ``(n_obs, 2)``.
    """
    # Big-endian, so that the digits sort as the numbers do.
    digits = hashes.astype(">u8").tobytes().hex().encode()
    return np.frombuffer(digits, dtype=HASH_DTYPE)


def content_digest(sorted_hashes: Iterable[np.ndarray]) -> str:
    """Return one digest of a set of cells that ignores their order.

    Parameters
    ----------
    sorted_hashes
        Blocks of hashes, in ascending order throughout.

    Returns
    -------
    ``sha256:`` and 64 hex digits over the hashes in hex digits, one a line.
    """
    digest = hashlib.sha256()
    for block in sorted_hashes:
        digest.update(b"".join(line + b"\n" for line in hex_digits(block).tolist()))
    return f"sha256:{digest.hexdigest()}"
