"""Where a run reads and writes: plain values that travel between processes."""

import re
import socket
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psutil

from genemamba.catalog.catalog import Catalog
from genemamba.catalog.process import ProcessIdentity
from genemamba.config import Settings, load_settings
from genemamba.publishing import storage_errors, sweep_staging
from genemamba.storage import is_local, join_url

STAGING_OWNER: Final = "pid"
"""Staging areas are called ``pid-<number>-<start time>-<host>-…`` after their process."""


RESUME_OWNER: Final = "resume"
"""Areas that outlive their process are called ``resume-<host>-<work>``."""

RESUME_LIMIT_S: Final = 7 * 24 * 3600
"""What nobody took up again for a week is cleared away."""


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """A home, its catalog and its Dask scheduler, by address."""

    home: str
    """Folder or URL."""
    catalog_url: str
    """SQLAlchemy URL."""
    dask_scheduler: str | None = None
    """Address, or None for threads."""

    @classmethod
    def from_settings(cls, settings: Settings) -> "Workspace":
        """Take over the settings in force."""
        return cls(
            home=settings.home,
            catalog_url=settings.catalog_url,
            dask_scheduler=settings.dask_scheduler,
        )

    def url(self, *parts: str) -> str:
        """Return a place in the home."""
        return join_url(self.home, *parts)

    def cache(self, *parts: str) -> Path:
        """Return a folder on this machine's disk for what only saves time."""
        root = Path(self.home) if is_local(self.home) else Path.home() / ".cache" / "genemamba"
        return root.joinpath(*parts)

    def open_catalog(self) -> Catalog:
        """Connect to the catalog, creating an SQLite one that is not there yet."""
        return Catalog.open(self.catalog_url)

    def prepare(self) -> None:
        """Create the home and clear away what killed processes left.

        Raises
        ------
        StorageError
            The home cannot be written.
        CatalogError
            The catalog cannot be reached.
        """
        if is_local(self.home):
            with storage_errors(self.home):
                probe = Path(self.home) / f".write-{staging_owner()}"
                probe.parent.mkdir(parents=True, exist_ok=True)
                probe.touch()
                probe.unlink()
        with self.open_catalog() as catalog:
            catalog.sweep_interrupted()
        sweep_staging(self.home, is_dead=self._is_dead)

    def _is_dead(self, area: str) -> bool:
        """Tell whether a staging area will not be used again."""
        resumed = re.fullmatch(rf"{RESUME_OWNER}-(.+)-([0-9a-f]+)", area)
        if resumed is None:
            return _owner_is_dead(area)
        folder = self.cache("resume", resumed[2])
        if resumed[1] != socket.gethostname():
            return False
        return not folder.exists() or time.time() - folder.stat().st_mtime > RESUME_LIMIT_S


def open_workspace() -> Workspace:
    """Return the workspace of the settings in force, ready to be written."""
    workspace = Workspace.from_settings(load_settings())
    workspace.prepare()
    return workspace


def staging_owner() -> str:
    """Name the staging areas of this process."""
    process = psutil.Process()
    started = int(process.create_time())
    return f"{STAGING_OWNER}-{process.pid}-{started}-{socket.gethostname()}"


def resume_owner(key: str) -> str:
    """Name the staging area of a resumable piece of work on this machine."""
    return f"{RESUME_OWNER}-{socket.gethostname()}-{key}"


def _owner_is_dead(area: str) -> bool:
    """Tell whether an area's process is gone; one of another machine may be busy."""
    found = re.fullmatch(rf"{STAGING_OWNER}-(\d+)-(\d+)-(.+)-[0-9a-f]+", area)
    if found is None or found[3] != socket.gethostname():
        return False
    started_at = datetime.fromtimestamp(int(found[2]), UTC)
    return not ProcessIdentity(host=found[3], pid=int(found[1]), started_at=started_at).is_alive()
