"""Find runs whose process died without a word."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from genemamba.catalog.lifecycle import end
from genemamba.catalog.process import ProcessIdentity
from genemamba.catalog.run_tables import RunRow


def sweep(session: Session, *, host: str, at: datetime) -> tuple[str, ...]:
    """Record as interrupted every run of a host whose process is dead.

    Parameters
    ----------
    session
        A session that writes.
    host
        This machine's name: of another one's processes nothing is known here.
    at
        Time of the sweep.

    Returns
    -------
    Ids of the runs, the oldest first.
    """
    statement = sa.select(RunRow).where(RunRow.status == "running", RunRow.host == host)
    dead = [
        row.id
        for row in session.scalars(statement.order_by(RunRow.started_at, RunRow.id))
        if not _process_of(row).is_alive()
    ]
    for run_id in dead:
        end(session, run_id, "interrupted", at=at, error="The process died.")
    return tuple(dead)


def _process_of(row: RunRow) -> ProcessIdentity:
    return ProcessIdentity(host=row.host, pid=row.pid, started_at=row.process_started_at)
