"""The index of cells: which store holds which content hash at which row."""

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Final

import numpy as np
import sqlalchemy as sa
from sqlalchemy.orm import Session

from genemamba.catalog.artifact_tables import ArtifactRow
from genemamba.catalog.cell_hashes import Block, cut_blocks, sort_cells, to_halves
from genemamba.catalog.cell_lookup import CellMatches, find_cells
from genemamba.catalog.cell_tables import CellBlockRow, CellIndexRow
from genemamba.catalog.engine import Database
from genemamba.catalog.storing import lock
from genemamba.errors import CatalogError

EVERY_GENE: Final = "all"
"""The panel of hashes over all mapped genes of a store."""

_INSERT_BLOCK: Final = sa.insert(CellBlockRow.metadata.tables[CellBlockRow.__tablename__])


class CellIndex:
    """The cells of every indexed store, by hash; reached as `Catalog.cells`.

    A *panel* says which genes the hashes are over: `EVERY_GENE`, or the digest of a list of
    genes. A store is indexed over a panel entirely or not at all. Indexing is apart from the
    record of the run that made the store, so whoever searches some stores asks `indexed_panels`
    of each, and indexes the ones whose process died in between.

    Parameters
    ----------
    database
        Where the index is.
    clock
        Tells the time, with its zone.
    """

    def __init__(self, database: Database, *, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def index_cells(self, store_digest: str, panel: str, hashes: np.ndarray) -> bool:
        """Record the content hashes of every cell of a store, once.

        Parameters
        ----------
        store_digest
            Digest of a recorded store.
        panel
            What the hashes are over.
        hashes
            One per cell in the order of the rows: ``S16``, ``V16`` or ``S32`` (hex digits) of
            shape ``(n_cells,)``, or uint8 of shape ``(n_cells, 16)``.

        Returns
        -------
        True where they were recorded now, False where they had been before.

        Raises
        ------
        CatalogError
            No run made the store, or it is indexed over this panel with another number of cells.
        ValueError
            The hashes have another type or shape.
        """
        halves = to_halves(hashes)
        # Sorted before the transaction, because SQLite has one writer at a time.
        order = sort_cells(halves)
        with self._database.writing() as session:
            lock(session, f"cells:{panel}:{store_digest}")
            store_id = _store_id(session, store_digest)
            if _is_indexed(session, store_id, store_digest, panel, n_cells=len(halves)):
                return False
            values = {"store_id": store_id, "panel": panel, "n_cells": len(halves)}
            index_id = session.execute(
                sa.insert(CellIndexRow)
                .values(**values, at=self._clock())
                .returning(CellIndexRow.id)
            ).scalar_one()
            for number, block in enumerate(cut_blocks(halves, order)):
                session.execute(_INSERT_BLOCK, _block_values(block, index_id, number))
        return True

    def indexed_panels(self, store_digest: str) -> set[str]:
        """Return the panels over which a store's cells are indexed; none for an unknown store."""
        with self._database.reading() as session:
            return set(
                session.scalars(
                    sa.select(CellIndexRow.panel)
                    .join(ArtifactRow, ArtifactRow.id == CellIndexRow.store_id)
                    .where(ArtifactRow.digest == store_digest)
                )
            )

    def find_cells(
        self, panel: str, hashes: np.ndarray, *, stores: Collection[str] | None = None
    ) -> CellMatches:
        """Find which stores hold cells of these hashes, and at which rows.

        Reads 8 bytes for each indexed cell, in pieces of a fixed size, and the rest only where
        there are matches.

        Parameters
        ----------
        panel
            What the hashes are over.
        hashes
            As `index_cells` takes them.
        stores
            Digests of the stores to search; every indexed one, where it is None.

        Raises
        ------
        CatalogError
            One of the stores is not indexed over this panel, so nothing can be said of its cells.
        ValueError
            The hashes have another type or shape.
        """
        halves = to_halves(hashes)
        with self._database.reading() as session:
            return find_cells(session, panel, halves, stores=stores)


def _store_id(session: Session, digest: str) -> int:
    store_id = session.scalar(sa.select(ArtifactRow.id).where(ArtifactRow.digest == digest))
    if store_id is None:
        msg = f"Expected the digest of a recorded store, found {digest!r}."
        raise CatalogError(msg)
    return store_id


def _block_values(block: Block, index_id: int, number: int) -> dict[str, int | bytes]:
    return {
        "cell_index_id": index_id,
        "block_no": number,
        "n_cells": len(block.rows),
        "first_prefix": block.prefixes[:1].tobytes(),
        "last_prefix": block.prefixes[-1:].tobytes(),
        "prefixes": block.prefixes.tobytes(),
        "suffixes": block.suffixes.tobytes(),
        "store_rows": block.rows.tobytes(),
    }


def _is_indexed(session: Session, store_id: int, digest: str, panel: str, *, n_cells: int) -> bool:
    known = session.scalar(
        sa.select(CellIndexRow.n_cells).where(
            CellIndexRow.store_id == store_id, CellIndexRow.panel == panel
        )
    )
    if known is not None and known != n_cells:
        msg = (
            f"Expected {known} cells of {digest} over the panel {panel!r} as indexed, "
            f"found {n_cells}. Hash the store again."
        )
        raise CatalogError(msg)
    return known is not None
