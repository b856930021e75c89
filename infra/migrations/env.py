"""How Alembic reaches the catalog's database."""

import os
from typing import Final

from alembic import context

from genemamba.catalog.engine import Database
from genemamba.catalog.triggers import METADATA

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
    """Bring the database to the wanted revision, whole or not at all."""
    database = Database(database_url())
    try:
        # The catalog's own transactions: SQLite's driver would commit before each new table.
        with database.writing() as session:
            # Batches: SQLite can change a constraint only by copying the table.
            context.configure(
                connection=session.connection(), target_metadata=METADATA, render_as_batch=True
            )
            context.run_migrations()
    finally:
        database.close()


run_migrations()
