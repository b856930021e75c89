"""A vocabulary from counts that are read in blocks."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

import numpy as np
from scipy.sparse import csr_matrix

from genemamba.tokens.median_selection import CAPACITY, GeneValues, select_medians
from genemamba.tokens.vocabulary import TARGET_SUM, Vocabulary


class _Block(Protocol):
    def read(self) -> csr_matrix: ...


def vocabulary_of_blocks(
    read_blocks: Callable[[], Iterable[_Block]],
    gene_ids: Sequence[str],
    *,
    capacity: int = CAPACITY,
) -> Vocabulary:
    """Take the genes that some cell expresses, and their exact medians.

    Memory holds a block of cells and a bounded number of values, however many cells there are.
    More than `capacity` counts are read three times, or more often where many are alike.

    Parameters
    ----------
    read_blocks
        Called once a reading; yields blocks of cells, such as those of an `AtlasView`.
    gene_ids
        Ensembl ids of the blocks' columns, each once.
    capacity
        Values that may be kept at a time.

    Returns
    -------
    What `Vocabulary.from_counts` gives for the counts of all blocks.
    """
    medians = select_medians(
        lambda: _scaled(read_blocks()), n_genes=len(gene_ids), capacity=capacity
    ).astype(np.float32)
    in_order = sorted(range(len(gene_ids)), key=gene_ids.__getitem__)
    kept = [column for column in in_order if np.isfinite(medians[column])]
    return Vocabulary(tuple(gene_ids[column] for column in kept), medians[kept])


def _scaled(blocks: Iterable[_Block]) -> Iterator[GeneValues]:
    """Yield the counts above zero of each block, scaled to `TARGET_SUM` a cell."""
    for block in blocks:
        counts = block.read()
        n_counts = np.asarray(counts.sum(axis=1), dtype=np.float64).ravel()
        scale = np.repeat(TARGET_SUM / np.maximum(n_counts, 1), np.diff(counts.indptr))
        expressed = counts.data > 0
        values = (counts.data * scale)[expressed]
        yield GeneValues(counts.indices[expressed].astype(np.int32), values)
