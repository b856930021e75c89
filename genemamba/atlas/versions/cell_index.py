"""What composing a version asks of an index of cells; the catalog has one."""

from collections.abc import Collection
from typing import Protocol

import numpy as np


class Matches(Protocol):
    """Cells that an index found."""

    @property
    def query(self) -> np.ndarray:
        """Numbers of the hashes that were asked for, int64."""
        ...

    @property
    def store(self) -> np.ndarray:
        """Numbers into `stores`, int64."""
        ...

    @property
    def row(self) -> np.ndarray:
        """Rows of those stores, int64."""
        ...

    @property
    def stores(self) -> tuple[str, ...]:
        """Digests of stores."""
        ...


class CellIndex(Protocol):
    """Knows which store holds which hash at which row; a catalog's ``cells`` do."""

    def index_cells(self, store_digest: str, panel: str, hashes: np.ndarray) -> object:
        """Index all cells of a store over a panel, `genemamba.atlas.versions.panels.HASH`, or none."""
        ...

    def indexed_panels(self, store_digest: str) -> Collection[str]:
        """Return the panels over which a store is indexed."""
        ...

    def find_cells(
        self, panel: str, hashes: np.ndarray, *, stores: Collection[str] | None
    ) -> Matches:
        """Find hashes among the cells of some stores, all of which are indexed."""
        ...
