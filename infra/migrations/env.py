"""How Alembic reaches the catalog's database."""

import os
from typing import Final

import sqlalchemy as sa
from alembic import context

from genemamba.catalog.run_tables import RunRow

URL_VARIABLE: Final = "GENEMAMBA_DATABASE_URL"
"""The same variable as the command line reads."""


def database_url() -> str:
    """Return the URL from ``alembic -x url=...`` or the environment.

    Raises
    ------
    SystemExit
        Neither names one.
    """
    url = context.get_x_argument(as_dictionary=True).get("url") or os.environ.get(URL_VARIABLE)
    if not url:
        msg = f"Expected a database: set {URL_VARIABLE}, or pass -x url=sqlite:///catalog.db."
        raise SystemExit(msg)
    return url


def run_migrations() -> None:
    """Bring the database to the wanted revision in one transaction."""
    url = sa.make_url(database_url())
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        # Batches: SQLite can change a constraint only by copying the table.
        context.configure(
            connection=connection, target_metadata=RunRow.metadata, render_as_batch=True
        )
        context.run_migrations()


run_migrations()
