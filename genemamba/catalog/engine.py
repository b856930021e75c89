"""A database that is open: SQLite or PostgreSQL, with the settings that keep writers apart."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError
from sqlalchemy.orm import Session

from genemamba.errors import CatalogError, GeneMambaError, StorageError
from genemamba.provenance import canonical_json

BUSY_TIMEOUT_MS: Final = 60_000
"""Longer than any transaction of ours, so that a waiting writer waits rather than fails."""

PRAGMAS: Final = (
    f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}",
    "PRAGMA journal_mode = WAL",  # readers go on while one writes
    "PRAGMA synchronous = NORMAL",  # with WAL: a crash of the machine loses no consistency
    "PRAGMA foreign_keys = ON",
    "PRAGMA recursive_triggers = ON",  # else INSERT OR REPLACE deletes past the triggers
)
"""Set on every new SQLite connection, in this order."""

STORAGE_WORDS: Final = ("readonly", "read-only", "disk is full", "unable to open", "disk I/O")
"""What a database says when the fault lies with the disk, not with the record."""


class Database:
    """An engine, and the two kinds of session that the catalog needs."""

    def __init__(self, url: str) -> None:
        self._engine = _create_engine(url)
        self._reader = self._engine.execution_options(read_only=True)
        self.name: Final = self._engine.url.render_as_string(hide_password=True)
        """The URL without its password, for messages."""

    def close(self) -> None:
        """Close every pooled connection."""
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Open a session that sees one state of the database and holds nobody up."""
        with self._translated_errors(), Session(self._reader) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Open a session that commits at the end, or leaves nothing."""
        with self._translated_errors(), Session(self._engine) as session, session.begin():
            yield session

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise _explain(error, self.name) from error


def _create_engine(url: str) -> sa.Engine:
    try:
        parsed = sa.make_url(url)
        if parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        if parsed.get_backend_name() not in {"sqlite", "postgresql"}:
            msg = f"Expected a sqlite or postgresql URL, found {parsed.drivername!r}."
            raise CatalogError(msg)
        engine = sa.create_engine(parsed, json_serializer=canonical_json)
    except (ArgumentError, NoSuchModuleError) as error:
        msg = f"Expected a URL such as 'sqlite:///catalog.db', found {url!r}."
        raise CatalogError(msg) from error
    except ModuleNotFoundError as error:
        msg = f"{error}. Run: pip install 'genemamba-atlas[postgresql]'"
        raise CatalogError(msg) from error
    if parsed.get_backend_name() == "sqlite":
        _prepare_sqlite(engine, parsed.database)
    else:
        sa.event.listen(engine, "begin", _begin_postgresql)
    return engine


def _prepare_sqlite(engine: sa.Engine, database: str | None) -> None:
    if database in {None, "", ":memory:"}:
        msg = "Expected a SQLite file, found a database in memory, which no other process can see."
        raise CatalogError(msg)
    if not str(database).startswith("file:"):
        _make_folder(Path(str(database)).parent)
    sa.event.listen(engine, "connect", _connect_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"The catalog's folder {folder} cannot be made: {error.strerror}. Choose another."
        raise StorageError(msg) from error


def _connect_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # The driver would begin transactions by itself, and too late: only before the first write.
    connection.isolation_level = None
    for pragma in PRAGMAS:
        connection.execute(pragma)


def _begin_sqlite(connection: sa.Connection) -> None:
    # A writer that begins as a reader fails, without waiting, if another wrote in between.
    reads = connection.get_execution_options().get("read_only", False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _begin_postgresql(connection: sa.Connection) -> None:
    if connection.get_execution_options().get("read_only", False):
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


def _explain(error: DBAPIError, name: str) -> GeneMambaError:
    cause = str(error.orig).strip()
    if any(word in cause for word in STORAGE_WORDS):
        return StorageError(f"The catalog {name} cannot be written: {cause}. Free or unlock it.")
    if "locked" in cause:
        wait = BUSY_TIMEOUT_MS // 1000
        return CatalogError(f"The catalog {name} was held by another process for {wait} s.")
    if isinstance(error, OperationalError):
        return CatalogError(f"The catalog {name} cannot be reached: {cause}. Check its server.")
    return CatalogError(f"The catalog {name} refused: {cause}")
