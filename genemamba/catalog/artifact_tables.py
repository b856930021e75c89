"""Tables of what exists: artifacts, where they lie, and the named series they are versions of."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from genemamba.catalog.base import Base, DepositState, LocationState, one_of


class ArtifactRow(Base):
    """Bytes that a run read or made, known by their digest; append-only."""

    __tablename__ = "artifact"

    id: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(sa.BigInteger)
    n_files: Mapped[int]
    media_type: Mapped[str | None]
    facets: Mapped[Mapping[str, Any]]
    created_at: Mapped[datetime]

    locations: Mapped[list["LocationRow"]] = relationship(order_by="LocationRow.seen_at")


class ArtifactFileRow(Base):
    """A file of a folder that is an artifact, so that a damaged one can be named; append-only."""

    __tablename__ = "artifact_file"

    artifact_id: Mapped[int] = mapped_column(sa.ForeignKey("artifact.id"), primary_key=True)
    path: Mapped[str] = mapped_column(primary_key=True)
    sha256: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(sa.BigInteger)


class LocationRow(Base):
    """One place where an artifact lies or lay; the same bytes may lie in several."""

    __tablename__ = "artifact_location"
    __table_args__ = (
        sa.UniqueConstraint("artifact_id", "uri"),
        sa.Index(None, "uri"),
        one_of("state", LocationState),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    artifact_id: Mapped[int] = mapped_column(sa.ForeignKey("artifact.id"))
    uri: Mapped[str]
    state: Mapped[LocationState]
    seen_at: Mapped[datetime]


class DatasetRow(Base):
    """A named series of versions, such as an atlas."""

    __tablename__ = "dataset"
    __table_args__ = (sa.UniqueConstraint("kind", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    name: Mapped[str]


class DatasetVersionRow(Base):
    """One version of a series: one artifact, and the run that first made it; append-only."""

    __tablename__ = "dataset_version"
    __table_args__ = (
        sa.UniqueConstraint("dataset_id", "version_no"),
        # The same bytes again are the same version, also when two runs register them at once.
        sa.UniqueConstraint("dataset_id", "artifact_id"),
        sa.Index(None, "artifact_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    dataset_id: Mapped[int] = mapped_column(sa.ForeignKey("dataset.id"))
    version_no: Mapped[int]
    artifact_id: Mapped[int] = mapped_column(sa.ForeignKey("artifact.id"))
    run_id: Mapped[str] = mapped_column(sa.ForeignKey("run.id"))
    created_at: Mapped[datetime]

    dataset: Mapped[DatasetRow] = relationship()
    artifact: Mapped[ArtifactRow] = relationship()


class ModelVersionRow(Base):
    """One checkpoint of a named model; append-only."""

    __tablename__ = "model_version"
    __table_args__ = (
        sa.UniqueConstraint("name", "version_no"),
        sa.UniqueConstraint("name", "artifact_id"),
        sa.Index(None, "artifact_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    version_no: Mapped[int]
    artifact_id: Mapped[int] = mapped_column(sa.ForeignKey("artifact.id"))
    run_id: Mapped[str] = mapped_column(sa.ForeignKey("run.id"))
    created_at: Mapped[datetime]

    artifact: Mapped[ArtifactRow] = relationship()


class DepositRow(Base):
    """What was received, from where, and what was decided about it."""

    __tablename__ = "deposit"
    __table_args__ = (
        sa.UniqueConstraint("uri", "sha256"),
        sa.Index(None, "sha256"),
        one_of("state", DepositState),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    uri: Mapped[str]
    name: Mapped[str]
    sha256: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(sa.BigInteger)
    state: Mapped[DepositState]
    verdict: Mapped[Mapping[str, Any]]
    store_id: Mapped[int | None] = mapped_column(sa.ForeignKey("artifact.id"))
    run_id: Mapped[str | None] = mapped_column(sa.ForeignKey("run.id"))
    at: Mapped[datetime]

    store: Mapped[ArtifactRow | None] = relationship()
