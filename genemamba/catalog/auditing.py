"""Whether every artifact still is what its record says."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from genemamba.catalog.base import LocationState
from genemamba.catalog.catalog import Catalog
from genemamba.catalog.locations import Location
from genemamba.file_audit import FileFault, check_artifact
from genemamba.storage import Progress

REMEDY: Final = (
    "Put a sound copy back, or delete the artifact and run the command that made it again: "
    "`genemamba lineage DIGEST` says which run that was."
)
"""What can be done about a fault; nothing of ours can mend a file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ArtifactFault:
    """A file that is not as recorded, and the artifact that it belongs to."""

    location: Location
    """Where the artifact should be, as the record had it before."""
    file: FileFault
    """Which file, and what is wrong with it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditReport:
    """What was looked at, and what is wrong with it."""

    n_artifacts: int
    """Artifacts that were looked at, each place counted."""
    size_bytes: int
    """Bytes that they have on record."""
    faults: tuple[ArtifactFault, ...]
    """Everything that is not as recorded."""

    @property
    def ok(self) -> bool:
        """Whether all is as recorded."""
        return not self.faults


def verify_artifacts(
    catalog: Catalog,
    *,
    atlas: str | None = None,
    skipped_kinds: Collection[str] = (),
    progress: Progress | None = None,
) -> AuditReport:
    """Read every artifact again, compare it with the record, and record what was found.

    Places where an artifact was missing or damaged before are looked at again as well.

    Parameters
    ----------
    catalog
        The record.
    atlas
        Name of the atlas whose versions are looked at, with all that they came from; everything,
        where it is None.
    skipped_kinds
        Kinds of artifacts that are left out.
    progress
        Called with bytes done and bytes in all.

    Raises
    ------
    CatalogError
        There is no such atlas.
    """
    locations = [
        location for location in catalog.locations(atlas) if location.kind not in skipped_kinds
    ]
    total, done = sum(location.size_bytes for location in locations), 0

    def advance(n_bytes: int) -> None:
        nonlocal done
        done += n_bytes
        if progress:
            progress(done, total)

    faults: list[ArtifactFault] = []
    for location in locations:
        found = check_artifact(
            location.uri,
            digest=location.digest,
            files=catalog.artifact_files(location.digest),
            advance=advance,
        )
        faults += [ArtifactFault(location=location, file=fault) for fault in found]
        state = _state(found)
        if state != location.state:
            catalog.record_location(location.digest, location.uri, state)
    return AuditReport(n_artifacts=len(locations), size_bytes=total, faults=tuple(faults))


def _state(faults: list[FileFault]) -> LocationState:
    if not faults:
        return "present"
    is_gone = any(fault.fault == "missing" and not fault.path for fault in faults)
    return "missing" if is_gone else "mismatch"
