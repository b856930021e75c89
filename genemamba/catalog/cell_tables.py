"""Tables of the cells that stores hold, by content hash.

Hashes are packed, some 30,000 to a row. A table with one row per cell takes 1.5 times the space on
SQLite and 5 times on PostgreSQL, and eight times as long to fill (benchmarks/duplicates.py), which
on SQLite is time in which nobody else can write.
"""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from genemamba.catalog.artifact_tables import ArtifactRow
from genemamba.catalog.base import Base


class CellIndexRow(Base):
    """A store whose cells are indexed over one panel of genes, all of them; append-only."""

    __tablename__ = "cell_index"
    __table_args__ = (sa.UniqueConstraint("store_id", "panel"), sa.Index(None, "panel"))

    id: Mapped[int] = mapped_column(primary_key=True)
    store_id: Mapped[int] = mapped_column(sa.ForeignKey("artifact.id"))
    panel: Mapped[str]
    n_cells: Mapped[int] = mapped_column(sa.BigInteger)
    at: Mapped[datetime]

    store: Mapped[ArtifactRow] = relationship()


class CellBlockRow(Base):
    """A run of an index's cells in the order of their hashes; append-only.

    A hash is cut into its first eight bytes, by which cells are found, and the eight that
    confirm it.
    """

    __tablename__ = "cell_block"
    __table_args__ = (sa.UniqueConstraint("cell_index_id", "block_no"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    cell_index_id: Mapped[int] = mapped_column(sa.ForeignKey("cell_index.id"))
    block_no: Mapped[int]
    n_cells: Mapped[int]
    first_prefix: Mapped[bytes]
    """Lowest of them, little-endian uint64."""
    last_prefix: Mapped[bytes]
    """Highest of them, little-endian uint64."""
    prefixes: Mapped[bytes]
    """Ascending, little-endian uint64."""
    suffixes: Mapped[bytes]
    """Little-endian uint64."""
    store_rows: Mapped[bytes]
    """Rows of the cells in the store, little-endian uint32."""
