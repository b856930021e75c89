"""What every table shares: constraint names, column types and UTC times."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase

RunStatus = Literal["running", "completed", "failed", "interrupted"]
"""Interrupted: the process was stopped or died, and said nothing about the work itself."""

Direction = Literal["in", "out"]
"""Whether a run read an artifact or made it."""

DepositState = Literal["accepted", "refused"]
"""The verdict on a deposit."""

LocationState = Literal["present", "missing", "mismatch"]
"""What was found when a location was last looked at."""

NAMING_CONVENTION: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
"""Derived names, so that a later migration can drop a constraint that SQLite left unnamed."""


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """An aware time, always UTC; SQLite keeps no zone, so it is stripped there and put back."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Convert to UTC.

        Raises
        ------
        ValueError
            The time names no zone, so nobody can say when it was.
        """
        if value is None:
            return None
        if value.tzinfo is None:
            msg = f"Expected a time with a zone, found the naive {value.isoformat()}."
            raise ValueError(msg)
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Return the stored time with its zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Parent of every table."""

    metadata = sa.MetaData(naming_convention=NAMING_CONVENTION)
    type_annotation_map = {  # noqa: RUF012
        datetime: UtcDateTime(),
        Mapping[str, Any]: sa.JSON().with_variant(JSONB(), "postgresql"),
        Any: sa.JSON().with_variant(JSONB(), "postgresql"),
        RunStatus: sa.String(),
        Direction: sa.String(),
        DepositState: sa.String(),
        LocationState: sa.String(),
    }


def one_of(column: str, allowed: object) -> sa.CheckConstraint:
    """Constrain a column to the values of a literal type.

    Parameters
    ----------
    column
        Name of the column, which also names the constraint.
    allowed
        A `typing.Literal` of strings.
    """
    values = ", ".join(f"'{value}'" for value in getattr(allowed, "__args__", ()))
    return sa.CheckConstraint(f"{column} IN ({values})", name=column)
