"""Make the schema in an empty database, and refuse any other schema than this code's."""

from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from genemamba.catalog.engine import Database
from genemamba.catalog.storing import lock
from genemamba.catalog.triggers import create_schema
from genemamba.errors import CatalogError

REVISION: Final = "0002"
"""Head of the Alembic history in ``infra/migrations``, which the wheel does not carry."""

ALEMBIC_VERSION: Final = sa.Table(
    "alembic_version",
    sa.MetaData(),
    sa.Column("version_num", sa.String(32), nullable=False),
    sa.PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
"""The table in which Alembic keeps the revision, as Alembic itself would create it."""


def prepare(database: Database) -> None:
    """Create the schema where there is none, and check the revision where there is one.

    Raises
    ------
    CatalogError
        The database has another revision, or belongs to another program.
    StorageError
        It cannot be written.
    """
    with database.writing() as session:
        lock(session, "schema")
        tables = sa.inspect(session.connection()).get_table_names()
        if not tables:
            create_schema(session.connection())
            ALEMBIC_VERSION.create(session.connection())
            session.execute(sa.insert(ALEMBIC_VERSION).values(version_num=REVISION))
        else:
            _check_revision(session, database.name, tables)


def _check_revision(session: Session, name: str, tables: list[str]) -> None:
    revision = None
    if ALEMBIC_VERSION.name in tables:
        revision = session.scalar(sa.select(ALEMBIC_VERSION.c.version_num))
    if revision is None or (revision != REVISION and "run_io" not in tables):
        msg = (
            f"Expected a catalog or an empty database at {name}, found other tables: "
            f"{', '.join(sorted(tables)[:5])}. Give the catalog a database of its own."
        )
        raise CatalogError(msg)
    if revision != REVISION:
        msg = (
            f"Expected the catalog {name} at revision {REVISION}, found {revision}. "
            f"Run: alembic -c infra/alembic.ini upgrade head"
        )
        raise CatalogError(msg)
