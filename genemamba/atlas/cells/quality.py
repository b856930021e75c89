"""How well each cell was measured: its counts, its genes, and what share of them is telling."""

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from genemamba.atlas.genes.flags import GeneFlags, gene_kinds
from genemamba.compiled import compiled
from genemamba.errors import SchemaError

TOTAL_COUNTS: Final = "total_counts"
"""Transcripts of a cell, ``obs``, float32."""

N_GENES: Final = "n_genes_by_counts"
"""Genes of a cell with a count above zero, ``obs``, int32."""

PCT_MT: Final = "pct_counts_mt"
"""Percentage of a cell's transcripts in mitochondrial genes, ``obs``, float32."""

PCT_RIBO: Final = "pct_counts_ribo"
"""Percentage of a cell's transcripts in ribosomal proteins, ``obs``, float32."""

PCT_HB: Final = "pct_counts_hb"
"""Percentage of a cell's transcripts in haemoglobins, ``obs``, float32."""

TOP_N: Final = 20
"""Genes of a cell with the most counts that are looked at together, as in Single-cell best
practices, chapter "Quality control"."""

PCT_TOP: Final = f"pct_counts_in_top_{TOP_N}_genes"
"""Percentage of a cell's transcripts in its `TOP_N` genes with the most, ``obs``, float32."""

N_TALLIED: Final = 128
"""Counts below it are tallied by value instead of sorted: nearly all are, and it is faster."""

Metrics = dict[str, NDArray[Any]]
"""Column of ``obs`` to its values, shape ``(n_obs,)``."""


def cell_metrics(blocks: Iterable[csr_matrix], flags: GeneFlags) -> Metrics:
    """Measure the quality of every cell in one pass over its counts.

    Columns, and values but for two, are those of ``scanpy.pp.calculate_qc_metrics``: a
    percentage over genes of which the deposit measured none is NaN instead of 0, and sums are
    made in float64. A cell without counts has NaN percentages in both.

    Parameters
    ----------
    blocks
        Canonical counts of consecutive cells, each shape ``(n_obs in block, n_vars)``.
    flags
        Which of the genes are of interest.

    Returns
    -------
    `TOTAL_COUNTS`, `N_GENES`, `PCT_MT`, `PCT_RIBO`, `PCT_HB` and `PCT_TOP`, each 4 bytes a cell.

    Raises
    ------
    SchemaError
        A block has not as many genes as there are flags.
    """
    kinds = gene_kinds(flags)
    parts = [measure_block(block, kinds) for block in blocks]
    columns = {name: [part[name] for part in parts] for name in _empty()}
    return {name: np.concatenate([_empty()[name], *columns[name]]) for name in columns}


def _empty() -> Metrics:
    percentages = (PCT_MT, PCT_RIBO, PCT_HB, PCT_TOP)
    return {
        TOTAL_COUNTS: np.empty(0, dtype=np.float32),
        N_GENES: np.empty(0, dtype=np.int32),
    } | {name: np.empty(0, dtype=np.float32) for name in percentages}


def measure_block(counts: csr_matrix, kinds: NDArray[np.uint8]) -> Metrics:
    """Measure the quality of some cells, as `cell_metrics`.

    Parameters
    ----------
    counts
        Canonical counts, shape ``(n_obs, n_vars)``.
    kinds
        From `gene_kinds`, shape ``(n_vars,)``.

    Raises
    ------
    SchemaError
        There are not as many genes as there are kinds.
    """
    n_obs, n_vars = counts.shape
    if n_vars != len(kinds):
        raise SchemaError(
            expected=f"a flag for each of {n_vars} genes",
            found=f"{len(kinds)} flags",
            remedy="Make the flags from the var of the same store.",
        )
    n_genes = np.zeros(n_obs, dtype=np.int32)
    sums = np.zeros((n_obs, 5))
    _measure_rows(counts.indptr, counts.indices, counts.data, kinds, n_genes, sums)
    return name_metrics(n_genes, sums, kinds)


def name_metrics(
    n_genes: NDArray[np.int32], sums: NDArray[np.float64], kinds: NDArray[np.uint8]
) -> Metrics:
    """Turn what `measure_row` gave for some cells into columns of ``obs``.

    Parameters
    ----------
    n_genes
        Genes of each cell, shape ``(n_obs,)``.
    sums
        Sums of each cell, shape ``(n_obs, 5)``.
    kinds
        From `gene_kinds`, shape ``(n_vars,)``.
    """
    total = sums[:, 0]
    share = np.divide(
        100 * sums, total[:, None], out=np.full_like(sums, np.nan), where=total[:, None] > 0
    ).astype(np.float32)
    for kind in (1, 2, 3):
        if not (kinds == kind).any():
            share[:, kind] = np.nan
    return {
        TOTAL_COUNTS: total.astype(np.float32),
        N_GENES: n_genes,
        PCT_MT: share[:, 1],
        PCT_RIBO: share[:, 2],
        PCT_HB: share[:, 3],
        PCT_TOP: share[:, 4],
    }


@compiled
def measure_row(indices, data, kinds, sums, largest, tally):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Measure one cell: return its genes, and fill its sums.

    Parameters
    ----------
    indices, data
        Genes and counts of the cell.
    kinds
        From `gene_kinds`.
    sums
        Filled: in all, by the three kinds, and of the `TOP_N` largest, float64, shape ``(5,)``.
    largest
        Filled: the `TOP_N` largest counts, descending, float64.
    tally
        Working memory, int32, shape ``(N_TALLIED,)``.
    """
    total, n_zeros = 0.0, 0
    largest[:] = 0.0
    tally[:] = 0
    sums[:] = 0.0
    for at in range(len(data)):
        value = np.float64(data[at])
        total += value
        kind = kinds[np.uint32(indices[at])]
        if kind:
            sums[kind] += value
        whole = int(min(value, N_TALLIED))
        if whole < N_TALLIED and whole == value:
            tally[whole] += 1
        elif value > largest[TOP_N - 1]:
            _keep(largest, value)
    n_zeros = tally[0]
    n_left = TOP_N
    for whole in range(N_TALLIED - 1, 0, -1):
        for _ in range(min(tally[whole], n_left)):
            if whole > largest[TOP_N - 1]:
                _keep(largest, np.float64(whole))
            n_left -= 1
        if n_left == 0:
            break
    sums[0] = total
    sums[4] = largest.sum()
    return len(data) - n_zeros


@compiled
def _keep(largest, value):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    place = TOP_N - 1
    while place > 0 and largest[place - 1] < value:
        largest[place] = largest[place - 1]
        place -= 1
    largest[place] = value


@compiled
def _measure_rows(indptr, indices, data, kinds, n_genes, sums):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    largest, tally = np.zeros(TOP_N), np.zeros(N_TALLIED, dtype=np.int32)
    for row in range(len(indptr) - 1):
        start, stop = indptr[row], indptr[row + 1]
        genes, counts = indices[start:stop], data[start:stop]
        n_genes[row] = measure_row(genes, counts, kinds, sums[row], largest, tally)
