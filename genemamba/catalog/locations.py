"""Where artifacts lie, which files they have, and what was found there last."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from genemamba.catalog.artifact_tables import (
    ArtifactFileRow,
    ArtifactRow,
    DatasetRow,
    DatasetVersionRow,
    LocationRow,
)
from genemamba.catalog.base import LocationState
from genemamba.catalog.lineage import reached
from genemamba.catalog.versions import ATLAS, unknown
from genemamba.storage import FileDigest


@dataclass(frozen=True, kw_only=True, slots=True)
class Location:
    """One place where an artifact is said to lie."""

    digest: str
    """Digest of the artifact."""
    kind: str
    """What the artifact is."""
    size_bytes: int
    """Bytes in all, on record."""
    uri: str
    """Path or URL."""
    state: LocationState
    """What was found when it was last looked at."""


def list_locations(session: Session, *, atlas: str | None) -> list[Location]:
    """List where artifacts lie, by the time of their record.

    Of several artifacts recorded at one place, such as a deposit and its next edition, the last
    one is said to be there.

    Parameters
    ----------
    session
        A session that reads.
    atlas
        Name of the atlas of which every version and all that it came from is listed; everything,
        where it is None.

    Raises
    ------
    CatalogError
        There is no such atlas.
    """
    rows = session.execute(
        sa.select(ArtifactRow, LocationRow)
        .join(LocationRow, LocationRow.artifact_id == ArtifactRow.id)
        .order_by(LocationRow.seen_at, LocationRow.id)
    )
    last = {location.uri: (artifact, location) for artifact, location in rows}
    wanted = None if atlas is None else _artifacts_of(session, atlas)
    return [
        Location(
            digest=artifact.digest,
            kind=artifact.kind,
            size_bytes=artifact.size_bytes,
            uri=location.uri,
            state=location.state,
        )
        for artifact, location in sorted(last.values(), key=lambda pair: pair[1].id)
        if wanted is None or artifact.id in wanted
    ]


def list_files(session: Session, digest: str) -> tuple[FileDigest, ...]:
    """List the files of a folder by path; none for a file, or where they were not recorded."""
    rows = session.execute(
        sa.select(ArtifactFileRow.path, ArtifactFileRow.sha256, ArtifactFileRow.size_bytes)
        .join(ArtifactRow)
        .where(ArtifactRow.digest == digest)
    )
    # Sorted here, because databases sort text by the rules of languages.
    return tuple(sorted(FileDigest(*row) for row in rows))


def set_location_state(session: Session, digest: str, uri: str, state: LocationState) -> None:
    """Record what was found where an artifact should be."""
    artifact_id = sa.select(ArtifactRow.id).where(ArtifactRow.digest == digest).scalar_subquery()
    # Not when it was seen: the last place where it was seen is where it is looked for.
    session.execute(
        sa.update(LocationRow)
        .where(LocationRow.artifact_id == artifact_id, LocationRow.uri == uri)
        .values(state=state)
    )


def _artifacts_of(session: Session, atlas: str) -> set[int]:
    versions = (
        sa.select(DatasetVersionRow.artifact_id)
        .join(DatasetRow)
        .where(DatasetRow.kind == ATLAS, DatasetRow.name == atlas)
    )
    if session.scalar(versions.limit(1)) is None:
        raise unknown(session, "the name of a recorded atlas", atlas)
    return {found for found in session.scalars(reached(versions, downstream=False)) if found}
