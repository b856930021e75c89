"""The catalog: where runs are recorded and the record is read."""

import socket
from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Self

from genemamba.catalog.base import LocationState
from genemamba.catalog.cell_index import CellIndex
from genemamba.catalog.creation import prepare
from genemamba.catalog.engine import Database
from genemamba.catalog.locations import set_location_state
from genemamba.catalog.reader import CatalogReader
from genemamba.catalog.recording import RecordedRun
from genemamba.catalog.storing import store_deposit
from genemamba.catalog.sweeping import sweep
from genemamba.catalog.values import Deposit, RunSpec


def utc_now() -> datetime:
    """Return the time with its zone."""
    return datetime.now(UTC)


class Catalog(CatalogReader):
    """The record of one database; made by `Catalog.open`.

    Any number of processes and threads may use one database, each with a catalog of its own.
    """

    def __init__(self, database: Database, *, clock: Callable[[], datetime]) -> None:
        super().__init__(database)
        self._clock = clock
        self.cells: Final = CellIndex(database, clock=clock)
        """Which store holds which cell, by content hash."""

    @classmethod
    def open(cls, url: str, *, clock: Callable[[], datetime] = utc_now) -> Self:
        """Open the catalog at a URL; make it where the database is empty.

        Parameters
        ----------
        url
            ``sqlite:///path/catalog.db``, on a local disk, or
            ``postgresql+psycopg://user@host/database``.
        clock
            Tells the time, with its zone.

        Raises
        ------
        CatalogError
            The database cannot be reached, has another revision, or is another program's.
        StorageError
            The folder or file cannot be written.
        """
        database = Database(url)
        try:
            prepare(database)
        except BaseException:
            database.close()
            raise
        return cls(database, clock=clock)

    def close(self) -> None:
        """Close every connection."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def record_run(self, spec: RunSpec) -> RecordedRun:
        """Return the context of a run.

        At its normal end the run is on record as completed with all it made, in one transaction;
        after an error as failed, after an interrupt as interrupted, and with nothing it made. Of
        two runs that complete the same work key, the later one is recorded as failed, and its
        `RecordedRun.record` is the earlier one.
        """
        return RecordedRun(self._database, spec, clock=self._clock)

    def sweep_interrupted(self) -> tuple[str, ...]:
        """Record this host's running runs as interrupted where their process is dead.

        Returns
        -------
        Ids of the runs, the oldest first.
        """
        with self._database.writing() as session:
            return sweep(session, host=socket.gethostname(), at=self._clock())

    def record_location(self, digest: str, uri: str, state: LocationState) -> None:
        """Record what was found where an artifact should be."""
        with self._database.writing() as session:
            set_location_state(session, digest, uri, state)

    def record_deposit(self, deposit: Deposit) -> None:
        """Record a verdict that belongs to no run; it replaces one on the same bytes there.

        Raises
        ------
        CatalogError
            No run made the store it became.
        """
        with self._database.writing() as session:
            store_deposit(session, deposit, at=self._clock())
