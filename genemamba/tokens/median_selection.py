"""Exact medians of many genes from values that are read several times and never held at once.

Selection by digits: the first reading counts, for each gene, how many values lie in each of
`N_BINS` bins of their bit patterns, whose order is that of positive numbers. The bin with the
median is cut again in the next reading, until what lies in the bins that are left fits in memory
and is sorted. Values that do from the start are read once.

An even number of values has two in the middle; each is sought for itself.
"""

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from genemamba.compiled import compiled

N_BINS: Final = 256
"""Bins of a gene: 60 MB of counters for 30,000 genes."""

CAPACITY: Final = 8 * 1024 * 1024
"""Values that are kept to be sorted: 190 MB with the copies that sorting makes."""

LOWEST: Final = (1023 - 32) << 52
"""Bit pattern of 2**-32; the first reading's bins are a quarter of an octave from there on, and
what is smaller or larger than all of them is counted in the first or the last."""

FIRST_SHIFT: Final = 50
"""Bits below a quarter of an octave."""


class GeneValues(NamedTuple):
    """Values of some cells."""

    genes: NDArray[np.int32]
    """Gene of each value, from 0, shape ``(n_values,)``."""
    values: NDArray[np.float64]
    """Values above zero, shape ``(n_values,)``."""


def select_medians(
    read: Callable[[], Iterable[GeneValues]], *, n_genes: int, capacity: int = CAPACITY
) -> NDArray[np.float64]:
    """Return the median of each gene's values, exactly as ``numpy.median`` gives it.

    Parameters
    ----------
    read
        Called once a reading; yields all values, the same each time, in parts.
    n_genes
        Genes.
    capacity
        Values that may be kept at a time.

    Returns
    -------
    Medians, NaN for a gene without a value, shape ``(n_genes,)``.
    """
    counts = np.zeros((n_genes, N_BINS), dtype=np.uint32)
    kept = _Kept(room=capacity)
    for part in read():
        kept.add(part)
        _count(part.genes, part.values.view(np.uint64), counts)
    n_values = counts.sum(axis=1, dtype=np.int64)
    # Both middle values of each gene; the same one twice where their number is odd.
    ranks = np.stack([(n_values - 1) // 2, n_values // 2])
    if kept.is_whole:
        return _middle(kept.sorted(), np.zeros_like(ranks), ranks, n_values)
    return _narrow(read, _Brackets.first(counts, ranks), n_values, capacity)


class _Brackets(NamedTuple):
    """Where both middle values lie: ``2**shift`` bit patterns from `low` on.

    Of all values inside, that of rank `ranks` is sought. All arrays: shape ``(2, n_genes)``.
    """

    low: NDArray[np.uint64]
    shift: NDArray[np.int64]
    ranks: NDArray[np.int64]
    n_inside: NDArray[np.int64]

    @classmethod
    def first(cls, counts: NDArray[np.uint32], ranks: NDArray[np.int64]) -> "_Brackets":
        chosen, below, inside = _find(np.broadcast_to(counts, (2, *counts.shape)), ranks)
        low = np.uint64(LOWEST) + (chosen.astype(np.uint64) << np.uint64(FIRST_SHIFT))
        # The outer bins hold everything beyond them.
        outer = (chosen == 0) | (chosen == N_BINS - 1)
        low[chosen == 0] = 0
        shift = np.where(outer, 63, FIRST_SHIFT)
        return cls(low, np.where(inside, shift, 0), ranks - below, inside)

    def cut(self, counts: NDArray[np.uint32]) -> "_Brackets":
        chosen, below, inside = _find(counts, self.ranks)
        shift = np.maximum(self.shift - 8, 0)
        low = self.low + (chosen.astype(np.uint64) << shift.astype(np.uint64))
        return _Brackets(low, shift, self.ranks - below, inside)


def _narrow(
    read: Callable[[], Iterable[GeneValues]],
    brackets: _Brackets,
    n_values: NDArray[np.int64],
    capacity: int,
) -> NDArray[np.float64]:
    n_genes = len(n_values)
    while brackets.n_inside.sum() > capacity and brackets.shift.max() > 0:
        counts = np.zeros((2, n_genes, N_BINS), dtype=np.uint32)
        for part in read():
            _count_inside(
                part.genes, part.values.view(np.uint64), brackets.low, brackets.shift, counts
            )
        brackets = brackets.cut(counts)
    if brackets.shift.max() == 0:
        values = brackets.low.view(np.float64)
        return np.where(n_values > 0, (values[0] + values[1]) / 2, np.nan)
    kept = _Kept(room=np.iinfo(np.int64).max)  # no more than capacity lie inside
    for part in read():
        for target in range(2):
            inside = _is_inside(
                part.genes, part.values.view(np.uint64), brackets.low[target],
                brackets.shift[target],
            )  # fmt: skip
            # Genes of the second target follow those of the first.
            genes = part.genes[inside] + np.int32(target * n_genes)
            kept.add(GeneValues(genes, part.values[inside]))
    starts = np.array([np.zeros(n_genes), np.full(n_genes, n_genes)], dtype=np.int64)
    return _middle(kept.sorted(), starts, brackets.ranks, n_values)


class _Kept:
    """Values in memory, as long as they fit."""

    def __init__(self, *, room: int) -> None:
        self._room = room
        self._parts: list[GeneValues] = []

    @property
    def is_whole(self) -> bool:
        return self._room >= 0

    def add(self, part: GeneValues) -> None:
        self._room -= len(part.values)
        if self._room < 0:
            self._parts.clear()
        else:
            self._parts.append(part)

    def sorted(self) -> GeneValues:
        genes = np.concatenate([np.empty(0, np.int32), *(part.genes for part in self._parts)])
        values = np.concatenate([np.empty(0), *(part.values for part in self._parts)])
        self._parts.clear()
        order = np.lexsort((values, genes))
        return GeneValues(genes[order], values[order])


def _middle(
    kept: GeneValues,
    offsets: NDArray[np.int64],
    ranks: NDArray[np.int64],
    n_values: NDArray[np.int64],
) -> NDArray[np.float64]:
    medians = np.full(len(n_values), np.nan)
    there = np.flatnonzero(n_values)
    starts = np.searchsorted(kept.genes, there + offsets[:, there])
    low, high = kept.values[starts + ranks[:, there]]
    medians[there] = (low + high) / 2
    return medians


def _find(
    counts: NDArray[np.uint32], ranks: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the bin of each rank, the values below it and those in it, each ``(2, n_genes)``."""
    found = [np.empty(ranks.shape, dtype=np.int64) for _ in range(3)]
    for target in range(2):
        ends = counts[target].cumsum(axis=1, dtype=np.int64)
        chosen = np.minimum((ends <= ranks[target][:, None]).sum(axis=1), N_BINS - 1)
        inside = np.take_along_axis(counts[target], chosen[:, None], axis=1)[:, 0]
        end = np.take_along_axis(ends, chosen[:, None], axis=1)[:, 0]
        for array, values in zip(found, (chosen, end - inside, inside), strict=True):
            array[target] = values
    return found[0], found[1], found[2]


@compiled
def _count(genes, bits, counts):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    for place in range(len(genes)):
        number = (np.int64(bits[place]) - LOWEST) >> FIRST_SHIFT
        counts[genes[place], min(max(number, 0), N_BINS - 1)] += 1


@compiled
def _count_inside(genes, bits, low, shift, counts):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    for place in range(len(genes)):
        gene = genes[place]
        for target in range(2):
            above = np.int64(bits[place]) - np.int64(low[target, gene])
            width = shift[target, gene]
            if above >= 0 and above >> width == 0:
                counts[target, gene, above >> max(width - 8, 0)] += 1


@compiled
def _is_inside(genes, bits, low, shift):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    inside = np.empty(len(genes), np.bool_)
    for place in range(len(genes)):
        above = np.int64(bits[place]) - np.int64(low[genes[place]])
        inside[place] = above >= 0 and above >> shift[genes[place]] == 0
    return inside
