"""Which process runs a run, so that a dead one can be told from a busy one."""

import os
import socket
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import psutil

START_TOLERANCE: Final = timedelta(seconds=2)
"""Start times come from the boot time, which moves a little when the clock is set."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProcessIdentity:
    """A process, also after its id was given to another one."""

    host: str
    """Name of the machine or container."""
    pid: int
    """Process id on it."""
    started_at: datetime
    """When the process started, UTC."""

    def is_alive(self) -> bool:
        """Tell whether this process, and not a later one with its id, runs on this machine."""
        started_at = _started_at(self.pid)
        return started_at is not None and abs(started_at - self.started_at) <= START_TOLERANCE


def this_process() -> ProcessIdentity:
    """Identify the running process."""
    pid = os.getpid()
    started_at = datetime.fromtimestamp(psutil.Process(pid).create_time(), UTC)
    return ProcessIdentity(host=socket.gethostname(), pid=pid, started_at=started_at)


def _started_at(pid: int) -> datetime | None:
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return datetime.fromtimestamp(process.create_time(), UTC)
    except psutil.NoSuchProcess:
        return None
