"""Find or add a row, so that equal facts are stored once whoever comes first."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from dataclasses import replace as changed
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import InstrumentedAttribute, Session

from genemamba.catalog.artifact_tables import (
    ArtifactFileRow,
    ArtifactRow,
    DatasetRow,
    DatasetVersionRow,
    DepositRow,
    LocationRow,
    ModelVersionRow,
)
from genemamba.catalog.base import Base
from genemamba.catalog.run_tables import EnvironmentRow, TransformRow
from genemamba.catalog.values import ArtifactInfo, Deposit
from genemamba.errors import CatalogError, StaleVersionError
from genemamba.provenance import CodeVersion, Json, digest_json
from genemamba.storage import FileDigest


def lock(session: Session, subject: str) -> None:
    """Let one transaction at a time work on a subject, until it ends.

    SQLite has one writer anyway; on PostgreSQL this is an advisory lock.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(subject))))


def add_missing(session: Session, row: type[Base], values: Mapping[str, Any]) -> None:
    """Insert a row unless one with the same unique key is there."""
    session.execute(_insert(session, row).values(values).on_conflict_do_nothing())


def replace(
    session: Session, row: type[Base], values: Mapping[str, Any], *, key: Sequence[str]
) -> None:
    """Insert a row, or overwrite the one with the same unique key."""
    changes = {name: value for name, value in values.items() if name not in key}
    statement = _insert(session, row).values(values)
    session.execute(statement.on_conflict_do_update(index_elements=key, set_=changes))


def store_transform(session: Session, code: CodeVersion) -> int:
    """Return the id of a code version."""
    digest = digest_json(asdict(code))
    add_missing(session, TransformRow, {"digest": digest, **asdict(code)})
    return _id(session, TransformRow.id, TransformRow.digest == digest)


def store_environment(session: Session, spec: Mapping[str, Json]) -> int:
    """Return the id of an environment."""
    digest = digest_json(spec)
    add_missing(session, EnvironmentRow, {"digest": digest, "spec": dict(spec)})
    return _id(session, EnvironmentRow.id, EnvironmentRow.digest == digest)


def store_artifacts(
    session: Session, artifacts: Iterable[ArtifactInfo], *, at: datetime
) -> dict[str, int]:
    """Record artifacts and where they lie.

    Parameters
    ----------
    session
        A session that writes.
    artifacts
        In any order, and any of them more than once.
    at
        Time of the record.

    Returns
    -------
    Digest to row id.

    Raises
    ------
    CatalogError
        A digest is on record with another size: one of the two was not hashed as it should be.
    """
    # One order for everyone, so that two transactions never wait for each other.
    ordered = sorted(artifacts, key=lambda artifact: (artifact.digest, artifact.uri))
    return {artifact.digest: _store_artifact(session, artifact, at) for artifact in ordered}


def _store_artifact(session: Session, artifact: ArtifactInfo, at: datetime) -> int:
    # Not its files: a store may have thousands, and copying them is slow.
    values = asdict(changed(artifact, files=()))
    uri, _ = values.pop("uri"), values.pop("files")
    add_missing(session, ArtifactRow, {**values, "created_at": at})
    found = session.execute(
        sa.select(ArtifactRow.id, ArtifactRow.size_bytes).where(
            ArtifactRow.digest == artifact.digest
        )
    ).one()
    if found.size_bytes != artifact.size_bytes:
        msg = (
            f"Expected {artifact.digest} to have {found.size_bytes} bytes as recorded, "
            f"found {artifact.size_bytes} at {uri}. Hash it again."
        )
        raise CatalogError(msg)
    _store_files(session, found.id, artifact.files)
    location = {"artifact_id": found.id, "uri": uri, "state": "present", "seen_at": at}
    replace(session, LocationRow, location, key=("artifact_id", "uri"))
    return int(found.id)


def _store_files(session: Session, artifact_id: int, files: Sequence[FileDigest]) -> None:
    if files:
        rows = [{"artifact_id": artifact_id, **file._asdict()} for file in files]
        session.execute(_insert(session, ArtifactFileRow).on_conflict_do_nothing(), rows)


def store_dataset_version(
    session: Session,
    kind: str,
    name: str,
    artifact_id: int,
    *,
    run_id: str,
    at: datetime,
    after: int | None,
) -> None:
    """Make an artifact the next version of a series, unless it is one already.

    Raises
    ------
    StaleVersionError
        It was made from another version than the newest.
    """
    lock(session, f"{kind}:{name}")
    add_missing(session, DatasetRow, {"kind": kind, "name": name})
    dataset_id = _id(session, DatasetRow.id, DatasetRow.kind == kind, DatasetRow.name == name)
    number = DatasetVersionRow.version_no
    last = session.scalar(
        sa.select(sa.func.max(number)).where(DatasetVersionRow.dataset_id == dataset_id)
    )
    known = session.scalar(
        sa.select(number).where(
            DatasetVersionRow.dataset_id == dataset_id,
            DatasetVersionRow.artifact_id == artifact_id,
        )
    )
    if known is None and after is not None and after != (last or 0):
        msg = f"Expected {kind} {name!r} to be at version {after}, found {last}. Compose it again."
        raise StaleVersionError(msg)
    version = {"dataset_id": dataset_id, "version_no": (last or 0) + 1}
    made = {"artifact_id": artifact_id, "run_id": run_id, "created_at": at}
    add_missing(session, DatasetVersionRow, version | made)


def store_model_version(
    session: Session, name: str, artifact_id: int, *, run_id: str, at: datetime
) -> None:
    """Make a checkpoint the next version of a model, unless it is one already."""
    lock(session, f"model:{name}")
    number = ModelVersionRow.version_no
    last = session.scalar(sa.select(sa.func.max(number)).where(ModelVersionRow.name == name))
    version = {"name": name, "version_no": (last or 0) + 1}
    made = {"artifact_id": artifact_id, "run_id": run_id, "created_at": at}
    add_missing(session, ModelVersionRow, version | made)


def store_deposit(session: Session, deposit: Deposit, *, at: datetime) -> None:
    """Record a verdict on a deposit; it replaces an earlier one on the same bytes there.

    Raises
    ------
    CatalogError
        No run made the store it became.
    """
    values = asdict(deposit)
    digest, store_id = values.pop("store_digest"), None
    if digest is not None:
        store_id = session.scalar(sa.select(ArtifactRow.id).where(ArtifactRow.digest == digest))
        if store_id is None:
            msg = f"Expected a recorded store for deposit {deposit.name!r}, found {digest}."
            raise CatalogError(msg)
    replace(session, DepositRow, {**values, "store_id": store_id, "at": at}, key=("uri", "sha256"))


def _id(
    session: Session, column: InstrumentedAttribute[int], *conditions: sa.ColumnElement[bool]
) -> int:
    return session.scalars(sa.select(column).where(*conditions)).one()


def _insert(session: Session, row: type[Base]) -> sqlite.Insert | postgresql.Insert:
    if session.get_bind().dialect.name == "sqlite":
        return sqlite.insert(row)
    return postgresql.insert(row)
