"""Look for cells in the indexed stores, block by block."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import accumulate, groupby
from typing import Final, NamedTuple

import numpy as np
import sqlalchemy as sa
from sqlalchemy.orm import Session

from genemamba.catalog.artifact_tables import ArtifactRow
from genemamba.catalog.cell_hashes import (
    PREFIX_DTYPE,
    ROW_DTYPE,
    Wanted,
    expand_ranges,
    join_sorted,
)
from genemamba.catalog.cell_tables import CellBlockRow, CellIndexRow
from genemamba.errors import CatalogError

GROUP_CELLS: Final = 2**20
"""Cells that are read at once: 8 MiB of prefixes."""

GROUP_BLOCKS: Final = 500
"""Blocks that are read at once, where they are small: SQL takes only so many parameters."""

MAX_NAMED: Final = 5
"""Stores named in an error."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CellMatches:
    """Which of the cells asked for are in which stores; ordered by cell, then by store.

    A cell that a store holds several times is reported once, with the lowest row.
    """

    stores: tuple[str, ...]
    """Digests of every store that was searched, sorted."""
    query: np.ndarray
    """Number of the hash asked for, int64, shape ``(n_matches,)``."""
    store: np.ndarray
    """Number of the store in `stores`, int64, shape ``(n_matches,)``."""
    row: np.ndarray
    """Row of the cell in that store, int64, shape ``(n_matches,)``."""


class _Meta(NamedTuple):
    id: int
    store: int
    """Number of the store in the sorted digests."""
    n_cells: int
    low: int
    """First of the wanted hashes that may be in the block."""
    high: int
    """The one after the last."""


def find_cells(
    session: Session, panel: str, halves: np.ndarray, *, stores: Collection[str] | None
) -> CellMatches:
    """Find cells by hash.

    Parameters
    ----------
    session
        A session that reads.
    panel
        What the hashes are over.
    halves
        From `genemamba.catalog.cell_hashes.to_halves`, shape ``(n, 2)``.
    stores
        Digests of the stores to search; every indexed one, where it is None.

    Raises
    ------
    CatalogError
        One of the stores is not indexed over this panel, so nothing can be said of its cells.
    """
    indexes = _indexes(session, panel, stores)
    wanted = Wanted.gather(halves)
    numbers = {index_id: number for number, (index_id, _) in enumerate(indexes)}
    found = [
        match
        for group in _groups(_overlapping(session, panel, numbers, wanted))
        for match in _search(session, group, wanted)
    ]
    unique, store, row = _lowest_rows(found)
    starts = np.searchsorted(unique, wanted.inverse, side="left")
    counts = np.searchsorted(unique, wanted.inverse, side="right") - starts
    picked = expand_ranges(starts, counts)
    return CellMatches(
        stores=tuple(digest for _, digest in indexes),
        query=np.repeat(np.arange(len(halves)), counts),
        store=store[picked],
        row=row[picked],
    )


def _indexes(session: Session, panel: str, stores: Collection[str] | None) -> list[tuple[int, str]]:
    rows = session.execute(
        sa.select(CellIndexRow.id, ArtifactRow.digest)
        .join(ArtifactRow, ArtifactRow.id == CellIndexRow.store_id)
        .where(CellIndexRow.panel == panel)
        .order_by(ArtifactRow.digest)
    )
    indexes = [(index_id, digest) for index_id, digest in rows]
    if stores is None:
        return indexes
    wanted = set(stores)
    absent = sorted(wanted.difference(digest for _, digest in indexes))
    if absent:
        named = ", ".join(absent[:MAX_NAMED])
        msg = (
            f"Expected the cells of {len(wanted)} stores to be indexed over the panel {panel!r}, "
            f"found {len(absent)} that are not: {named}. Index them first."
        )
        raise CatalogError(msg)
    return [index for index in indexes if index[1] in wanted]


def _overlapping(
    session: Session, panel: str, numbers: dict[int, int], wanted: Wanted
) -> list[_Meta]:
    columns = (CellBlockRow.id, CellBlockRow.cell_index_id, CellBlockRow.n_cells)
    rows = session.execute(
        sa.select(*columns, CellBlockRow.first_prefix, CellBlockRow.last_prefix)
        .join(CellIndexRow, CellIndexRow.id == CellBlockRow.cell_index_id)
        .where(CellIndexRow.panel == panel)
        .order_by(CellBlockRow.cell_index_id, CellBlockRow.block_no)
    ).all()
    rows = [row for row in rows if row.cell_index_id in numbers]
    first = np.frombuffer(b"".join(row.first_prefix for row in rows), dtype=PREFIX_DTYPE)
    last = np.frombuffer(b"".join(row.last_prefix for row in rows), dtype=PREFIX_DTYPE)
    lows = np.searchsorted(wanted.prefixes, first, side="left").tolist()
    highs = np.searchsorted(wanted.prefixes, last, side="right").tolist()
    return [
        _Meta(row.id, numbers[row.cell_index_id], row.n_cells, low, high)
        for row, low, high in zip(rows, lows, highs, strict=True)
        if high > low
    ]


def _groups(blocks: list[_Meta]) -> Iterator[list[_Meta]]:
    for low in range(0, len(blocks), GROUP_BLOCKS):
        part = blocks[low : low + GROUP_BLOCKS]
        ends = accumulate(block.n_cells for block in part)
        numbered = zip((end // GROUP_CELLS for end in ends), part, strict=True)
        for _, group in groupby(numbered, key=lambda pair: pair[0]):
            yield [block for _, block in group]


def _search(session: Session, blocks: list[_Meta], wanted: Wanted) -> Iterator[np.ndarray]:
    """Yield (hash, store, row) of the cells found in some blocks, int64, shape ``(n, 3)``."""
    by_id = {block.id: block for block in blocks}
    hits = {}
    find = sa.select(CellBlockRow.id, CellBlockRow.prefixes).where(CellBlockRow.id.in_(by_id))
    for block_id, content in session.execute(find):
        block = by_id[block_id]
        prefixes = np.frombuffer(content, dtype=PREFIX_DTYPE)
        join = join_sorted(wanted.prefixes[block.low : block.high], prefixes)
        if len(join.left):
            hits[block_id] = (join.left + block.low, join.right)
    if not hits:
        return
    columns = (CellBlockRow.id, CellBlockRow.suffixes, CellBlockRow.store_rows)
    confirm = sa.select(*columns).where(CellBlockRow.id.in_(hits))
    for block_id, suffixes, rows in session.execute(confirm):
        unique, position = hits[block_id]
        same = np.frombuffer(suffixes, PREFIX_DTYPE)[position] == wanted.suffixes[unique]
        row = np.frombuffer(rows, ROW_DTYPE)[position[same]].astype(np.int64)
        store = np.full(len(row), by_id[block_id].store)
        yield _first_of_each(np.column_stack([unique[same], store, row]))


def _first_of_each(matches: np.ndarray) -> np.ndarray:
    """Keep the lowest row of each hash and store; sorted by both."""
    ordered = matches[np.lexsort(matches.T[::-1])]
    is_new = np.ones(len(ordered), dtype=bool)
    is_new[1:] = (ordered[1:, :2] != ordered[:-1, :2]).any(axis=1)
    return ordered[is_new]


def _lowest_rows(found: list[np.ndarray]) -> np.ndarray:
    """Return hash, store and row of every match, shape ``(3, n)``, sorted by hash and store."""
    matches = np.concatenate([np.empty((0, 3), dtype=np.int64), *found])
    return _first_of_each(matches).T
