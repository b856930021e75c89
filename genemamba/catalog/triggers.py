"""Triggers that refuse to change or remove what was recorded, on both engines."""

from typing import Final

import sqlalchemy as sa

from genemamba.catalog.cell_tables import CellBlockRow
from genemamba.catalog.run_tables import RunRow

(METADATA,) = {row.metadata for row in (CellBlockRow, RunRow)}
"""Every table of the catalog; the two modules named here import those of the others."""

APPEND_ONLY: Final = (
    "artifact",
    "artifact_file",
    "cell_block",
    "cell_index",
    "dataset_version",
    "environment",
    "metric",
    "model_version",
    "run_io",
    "run_param",
    "transform",
)
"""Tables of facts. The others hold a state that moves on: a run ends, a file goes missing."""

REFUSE_FUNCTION: Final = """
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is append-only';
END $$
"""
"""What every trigger calls on PostgreSQL."""


def sqlite_triggers(table: str) -> tuple[str, ...]:
    """Return the statements that make one table append-only on SQLite."""
    return tuple(
        f"CREATE TRIGGER {table}_refuse_{event.lower()} BEFORE {event} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        for event in ("UPDATE", "DELETE")
    )


def postgresql_triggers(table: str) -> tuple[str, ...]:
    """Return the statements that make one table append-only on PostgreSQL."""
    # Per statement, because TRUNCATE has no rows.
    return (
        f"CREATE TRIGGER {table}_refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    )


def create_schema(connection: sa.Connection) -> None:
    """Create every table and trigger in an empty database.

    Parameters
    ----------
    connection
        Inside a transaction: on both engines the schema appears whole or not at all.
    """
    METADATA.create_all(connection)
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(REFUSE_FUNCTION)
    build = sqlite_triggers if connection.dialect.name == "sqlite" else postgresql_triggers
    for table in APPEND_ONLY:
        for statement in build(table):
            connection.exec_driver_sql(statement)
