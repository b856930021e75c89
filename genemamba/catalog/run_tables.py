"""Tables of what happened: runs, the code and environment they had, their edges and metrics."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from genemamba.catalog.artifact_tables import ArtifactRow, DatasetVersionRow, ModelVersionRow
from genemamba.catalog.base import Base, Direction, RunStatus, one_of


class TransformRow(Base):
    """A version of the code of one entrypoint; append-only."""

    __tablename__ = "transform"

    id: Mapped[int] = mapped_column(primary_key=True)
    # A unique key over the columns would take two wheels (no commit: NULL) for different code.
    digest: Mapped[str] = mapped_column(unique=True)
    entrypoint: Mapped[str]
    package_version: Mapped[str]
    git_commit: Mapped[str | None]
    git_dirty: Mapped[bool]
    source_digest: Mapped[str]


class EnvironmentRow(Base):
    """Interpreter, libraries and platform that a run had; append-only."""

    __tablename__ = "environment"

    id: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(unique=True)
    spec: Mapped[Mapping[str, Any]]


class RunRow(Base):
    """One execution of one stage; among completed ones, one per work key."""

    __tablename__ = "run"
    __table_args__ = (
        one_of("status", RunStatus),
        sa.Index(
            "uq_run_work_key_completed",
            "work_key",
            unique=True,
            sqlite_where=sa.text("status = 'completed'"),
            postgresql_where=sa.text("status = 'completed'"),
        ),
        sa.Index(None, "status", "host"),
        sa.Index(None, "started_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    stage: Mapped[str]
    transform_id: Mapped[int] = mapped_column(sa.ForeignKey("transform.id"))
    environment_id: Mapped[int] = mapped_column(sa.ForeignKey("environment.id"))
    parent_run_id: Mapped[str | None] = mapped_column(sa.ForeignKey("run.id"))
    root_run_id: Mapped[str] = mapped_column(sa.ForeignKey("run.id"))
    orchestrator: Mapped[str | None]
    flow_run_id: Mapped[str | None]
    task_run_id: Mapped[str | None]
    trigger: Mapped[str]
    host: Mapped[str]
    pid: Mapped[int]
    # A process id is used again after its process ended; the start time tells the two apart.
    process_started_at: Mapped[datetime]
    seed: Mapped[int | None] = mapped_column(sa.BigInteger)
    work_key: Mapped[str]
    status: Mapped[RunStatus]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    error: Mapped[str | None]

    transform: Mapped[TransformRow] = relationship()
    environment: Mapped[EnvironmentRow] = relationship()
    params: Mapped[list["RunParamRow"]] = relationship(order_by="RunParamRow.key")
    edges: Mapped[list["RunIoRow"]] = relationship(order_by="RunIoRow.role")


class RunParamRow(Base):
    """One parameter of a run; append-only."""

    __tablename__ = "run_param"

    run_id: Mapped[str] = mapped_column(sa.ForeignKey("run.id"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[Any] = mapped_column(nullable=False)


class RunIoRow(Base):
    """One edge between a run and an artifact; all lineage is in this table; append-only."""

    __tablename__ = "run_io"
    __table_args__ = (
        one_of("direction", Direction),
        sa.Index(None, "artifact_id", "direction", "run_id"),
    )

    run_id: Mapped[str] = mapped_column(sa.ForeignKey("run.id"), primary_key=True)
    direction: Mapped[Direction] = mapped_column(primary_key=True)
    role: Mapped[str] = mapped_column(primary_key=True)
    artifact_id: Mapped[int] = mapped_column(sa.ForeignKey("artifact.id"), primary_key=True)

    artifact: Mapped[ArtifactRow] = relationship()


class MetricRow(Base):
    """One number about one atlas version, in long form; append-only."""

    __tablename__ = "metric"
    __table_args__ = (
        sa.UniqueConstraint("run_id", "name", "subject", "slice"),
        # SQLite turns NaN into NULL and JSON has no infinity, so these have a column of their own.
        sa.CheckConstraint("(value IS NULL) <> (special IS NULL)", name="value_or_special"),
        sa.CheckConstraint("special IN ('nan', 'inf', '-inf')", name="special"),
        sa.Index(None, "dataset_version_id", "name", "at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[str] = mapped_column(sa.ForeignKey("run.id"))
    name: Mapped[str]
    implementation: Mapped[str]
    dataset_version_id: Mapped[int] = mapped_column(sa.ForeignKey("dataset_version.id"))
    model_version_id: Mapped[int | None] = mapped_column(sa.ForeignKey("model_version.id"))
    subject: Mapped[str]
    slice: Mapped[str]
    split: Mapped[str | None]
    value: Mapped[float | None]
    special: Mapped[str | None]
    ci_low: Mapped[float | None]
    ci_high: Mapped[float | None]
    n: Mapped[int | None] = mapped_column(sa.BigInteger)
    at: Mapped[datetime]

    run: Mapped[RunRow] = relationship()
    dataset_version: Mapped[DatasetVersionRow] = relationship()
    model_version: Mapped[ModelVersionRow | None] = relationship()
