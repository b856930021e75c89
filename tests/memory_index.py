"""An index of cells in memory, for one composition: what the catalog's does, without its bounds."""

from collections.abc import Collection
from typing import NamedTuple

import numpy as np

from genemamba.atlas.versions.panels import pack_hashes


class MemoryMatches(NamedTuple):
    """Cells that were found, as `genemamba.atlas.versions.matching.Matches`."""

    query: np.ndarray
    store: np.ndarray
    row: np.ndarray
    stores: tuple[str, ...]


class MemoryCellIndex:
    """Knows which store holds which hash at which row, until the process ends."""

    def __init__(self) -> None:
        self._hashes: dict[tuple[str, str], np.ndarray] = {}

    def index_cells(self, store_digest: str, panel: str, hashes: np.ndarray) -> None:
        """Index all cells of a store over a panel."""
        self._hashes[store_digest, panel] = pack_hashes(hashes)

    def indexed_panels(self, store_digest: str) -> set[str]:
        """Return the panels over which a store is indexed."""
        return {panel for digest, panel in self._hashes if digest == store_digest}

    def find_cells(
        self, panel: str, hashes: np.ndarray, *, stores: Collection[str] | None
    ) -> MemoryMatches:
        """Find distinct hashes among the cells of some stores; of all by default."""
        known = {digest for digest, name in self._hashes if name == panel}
        searched = tuple(sorted(known if stores is None else stores))
        numbers = {cell: number for number, cell in enumerate(pack_hashes(hashes).tolist())}
        found = [
            (numbers[cell], store, row)
            for store, digest in enumerate(searched)
            for row, cell in enumerate(self._hashes[digest, panel].tolist())
            if cell in numbers
        ]
        query, store, row = np.asarray(found, dtype=np.int64).reshape(-1, 3).T
        return MemoryMatches(query, store, row, searched)
