"""What pass 1 notes of a block of cells, and how pass 2 moves it to the store's genes."""

from typing import Any, Final, NamedTuple

import numpy as np
from scipy.sparse import csr_matrix

from genemamba.atlas.cells.quality import name_metrics
from genemamba.atlas.cells.row_kernels import place_rows, survey_rows
from genemamba.atlas.genes.column_map import ColumnMap
from genemamba.atlas.sources.counts import CountsReader
from genemamba.atlas.sources.matrices import CsrParts

MAX_COUNT: Final = 2.0**53
"""Beyond it float64 does not hold all whole numbers; an infinite value is no count either."""


class BlockSurvey(NamedTuple):
    """What the cells of a block are."""

    columns: dict[str, np.ndarray]
    """What is noted of each cell, by name."""
    gene_totals: np.ndarray
    """Transcripts of each gene of the store, float64, shape ``(n_vars,)``."""
    largest: float
    """Largest count."""


def survey_block(
    parts: CsrParts, layout: ColumnMap, *, is_canonical: bool = False
) -> BlockSurvey | None:
    """Check, hash and measure the cells of a block; None where they are no plain counts.

    Parameters
    ----------
    parts
        The cells, as the deposit has them.
    layout
        The way to the store's genes.
    is_canonical
        Whether they are known to be plain counts.
    """
    n_obs = len(parts.indptr) - 1
    if not is_canonical and not _is_readable(parts):
        return None
    hashes, sums = np.empty((n_obs, 2), dtype=np.uint64), np.zeros((n_obs, 5))
    totals, lengths = np.empty(n_obs), np.empty(n_obs, dtype=np.int64)
    rests = np.empty(n_obs, dtype=np.uint64)
    n_pairs, n_genes = np.empty(n_obs, dtype=np.int32), np.zeros(n_obs, dtype=np.int32)
    gene_totals = np.zeros(layout.n_vars)
    largest = survey_rows(
        *parts,
        layout.columns,
        len(layout.columns),
        layout.numbers,
        layout.kinds,
        hashes,
        totals,
        n_pairs,
        rests,
        lengths,
        n_genes,
        sums,
        gene_totals,
    )
    if not is_canonical and not 0 <= largest <= MAX_COUNT:
        return None
    if largest < 0:
        return _survey_shuffled(parts, layout)
    noted: dict[str, Any] = {
        "length": lengths,
        "hash": hashes,
        "rest": rests,
        "n_genes": n_pairs,
        "total": totals,
    }
    with np.errstate(over="ignore"):  # Counts too large for float32 are refused by the survey.
        columns = noted | name_metrics(n_genes, sums, layout.kinds)
    return BlockSurvey(columns, gene_totals, float(largest))


def project_block(
    reader: CountsReader, layout: ColumnMap, start: int, stop: int, *, dtype: str
) -> CsrParts:
    """Read some cells of the deposit as the store has them.

    Parameters
    ----------
    reader
        Reads the deposit.
    layout
        The way to the store's genes.
    start, stop
        First cell, and one past the last, in the deposit.
    dtype
        Type of the counts, which holds also what is added up.

    Returns
    -------
    Canonical CSR.
    """
    parts = reader.parts(start, stop)
    if parts is not None and _is_readable(parts):
        placed = CsrParts(
            np.empty_like(parts.indptr),
            np.empty(len(parts.indices), dtype=np.int32),
            np.empty(len(parts.data), dtype=dtype),
        )
        if place_rows(*parts, layout.columns, len(layout.columns), *placed):
            end = int(placed.indptr[-1])
            return CsrParts(placed.indptr, placed.indices[:end], placed.data[:end])
    counts = layout.project(reader.read(start, stop).counts)
    return CsrParts(counts.indptr.astype(np.int64), counts.indices, counts.data)


def _is_readable(parts: CsrParts) -> bool:
    """Tell whether the arrays are of types that the kernels are compiled for."""
    fits = len(parts.data) == len(parts.indices) == int(parts.indptr[-1])
    return fits and parts.indices.dtype.kind == "i" and parts.data.dtype in ("f4", "f8", "i4", "i8")


def _survey_shuffled(parts: CsrParts, layout: ColumnMap) -> BlockSurvey | None:
    """Survey cells whose genes come in another order than the store's, all of them."""
    shape = (len(parts.indptr) - 1, len(layout.columns))
    counts: Any = layout.project(csr_matrix((parts.data, parts.indices, parts.indptr), shape=shape))
    placed = CsrParts(counts.indptr, counts.indices, counts.data)
    same = np.arange(layout.n_vars, dtype=np.int32)
    return survey_block(
        placed,
        ColumnMap(columns=same, numbers=layout.numbers, kinds=layout.kinds),
        is_canonical=True,
    )
