"""What a user means by a name, a digest, a path or a run id."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from genemamba.catalog.artifact_tables import (
    ArtifactRow,
    DatasetRow,
    DatasetVersionRow,
    LocationRow,
    ModelVersionRow,
)
from genemamba.catalog.run_tables import RunRow
from genemamba.catalog.versions import (
    ATLAS,
    HEX_PREFIX,
    MAX_LISTED,
    MODEL,
    VersionRef,
    ambiguous,
    find_dataset_versions,
    find_model_versions,
    parse_version,
    unknown,
)
from genemamba.errors import CatalogError

RUN_PREFIX: Final = re.compile(r"[0-9a-f]{8}[0-9a-f-]{0,28}")
"""A run id, whole or begun."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """Something a reference may mean."""

    label: str
    """A reference that means this and nothing else."""
    row: ArtifactRow | RunRow
    """What it is."""


def resolve(session: Session, ref: str, *, digest: str | None = None) -> ArtifactRow | RunRow:
    """Find the artifact or run that a reference means.

    Parameters
    ----------
    session
        A session that reads.
    ref
        Digest (8 hex digits or more), ``[kind:]name[@number]``, recorded URI, or run id.
    digest
        What the bytes at a path are; then the path itself decides nothing, as it may lie.

    Raises
    ------
    CatalogError
        Nothing fits, or several things do; the message names candidates.
    """
    if digest is not None:
        return _by_whole_digest(session, ref, digest)
    found = {
        candidate.row: candidate.label
        for candidate in [
            *_named(session, parse_version(ref)),
            *_by_hex(session, ref),
            *_by_uri(session, ref),
        ]
    }
    if len(found) > 1:
        raise ambiguous(ref, list(found.values()))
    if not found:
        raise unknown(session, "a digest, a name, a recorded path or a run", ref)
    return next(iter(found))


def _by_whole_digest(session: Session, ref: str, digest: str) -> ArtifactRow:
    row = session.scalar(sa.select(ArtifactRow).where(ArtifactRow.digest == digest))
    if row is not None:
        return row
    recorded = [candidate.label for candidate in _by_uri(session, ref)]
    hint = f" That path once held {', '.join(recorded)}." if recorded else ""
    msg = f"Expected a recorded artifact, found {digest} at {ref!r}, which no run made.{hint}"
    raise CatalogError(msg)


def _named(session: Session, wanted: VersionRef) -> list[Candidate]:
    kinds = [wanted.kind] if wanted.kind else [ATLAS, MODEL]
    found = [candidate for kind in kinds for candidate in _of_kind(session, wanted, kind)]
    if found or wanted.kind:
        return found
    others = session.scalars(sa.select(DatasetRow.kind).where(DatasetRow.name == wanted.name))
    return [candidate for kind in others for candidate in _of_kind(session, wanted, kind)]


def _of_kind(session: Session, wanted: VersionRef, kind: str) -> list[Candidate]:
    rows: Sequence[DatasetVersionRow | ModelVersionRow]
    if kind == MODEL:
        rows = find_model_versions(session, wanted)
    else:
        rows = find_dataset_versions(session, wanted, kind=kind)
    return [
        Candidate(label=f"{kind}:{wanted.name}@{row.version_no}", row=row.artifact)
        for row in rows[-1:]
    ]


def _by_hex(session: Session, ref: str) -> list[Candidate]:
    found: list[Candidate] = []
    if prefix := HEX_PREFIX.fullmatch(ref):
        starts = ArtifactRow.digest.startswith(f"sha256:{prefix[1]}")
        artifacts = session.scalars(sa.select(ArtifactRow).where(starts).limit(MAX_LISTED))
        found += [Candidate(label=row.digest, row=row) for row in artifacts]
    if RUN_PREFIX.fullmatch(ref):
        runs = session.scalars(sa.select(RunRow).where(RunRow.id.startswith(ref)).limit(MAX_LISTED))
        found += [Candidate(label=f"run {row.id}", row=row) for row in runs]
    return found


def _by_uri(session: Session, ref: str) -> list[Candidate]:
    statement = sa.select(ArtifactRow).join(LocationRow).where(LocationRow.uri == ref)
    return [Candidate(label=row.digest, row=row) for row in session.scalars(statement)]
