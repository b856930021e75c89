"""How a run begins, completes or ends otherwise: one transaction each."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from genemamba.catalog.loading import made_as
from genemamba.catalog.process import ProcessIdentity
from genemamba.catalog.run_tables import MetricRow, RunIoRow, RunParamRow, RunRow
from genemamba.catalog.storing import (
    add_missing,
    store_artifacts,
    store_dataset_version,
    store_deposit,
    store_environment,
    store_model_version,
    store_transform,
)
from genemamba.catalog.values import ArtifactInfo, Deposit, Edge, Metric, RunSpec
from genemamba.catalog.versions import MODEL, resolve_dataset_version, resolve_model_version
from genemamba.errors import CatalogError


class AlreadyCompletedError(CatalogError):
    """Another run completed the same work first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NewVersion:
    """An artifact that becomes a version of a series or of a model."""

    kind: str
    """Kind of the series; ``"model"`` for a model."""
    name: str
    """Name of the series."""
    artifact: ArtifactInfo
    """What the version is."""
    after: int | None = None
    """Number of the newest version when it was made; None where that decides nothing."""


@dataclass(kw_only=True, slots=True)
class Produce:
    """What a run made so far; nothing of it is on record before the run completes."""

    outputs: list[Edge] = field(default_factory=list)
    """Artifacts."""
    versions: list[NewVersion] = field(default_factory=list)
    """New versions of series and models."""
    metrics: list[Metric] = field(default_factory=list)
    """Numbers."""
    deposits: list[Deposit] = field(default_factory=list)
    """Verdicts on deposits."""


def begin(
    session: Session, spec: RunSpec, *, run_id: str, process: ProcessIdentity, at: datetime
) -> None:
    """Record a run as running, with its parameters and inputs."""
    row = RunRow(
        id=run_id,
        stage=spec.stage,
        work_key=spec.work_key,
        seed=spec.seed,
        parent_run_id=spec.parent_run_id,
        root_run_id=_root_of(session, spec.parent_run_id) or run_id,
        transform_id=store_transform(session, spec.code),
        environment_id=store_environment(session, spec.environment),
        orchestrator=spec.orchestrator,
        flow_run_id=spec.flow_run_id,
        task_run_id=spec.task_run_id,
        trigger=spec.trigger,
        host=process.host,
        pid=process.pid,
        process_started_at=process.started_at,
        status="running",
        started_at=at,
    )
    session.add(row)
    session.flush()
    for key, value in spec.params.items():
        session.add(RunParamRow(run_id=run_id, key=key, value=value))
    _add_edges(session, run_id, "in", spec.inputs, at)


def complete(session: Session, run_id: str, produce: Produce, *, at: datetime) -> None:
    """Record a run as completed, and all that it made.

    Raises
    ------
    AlreadyCompletedError
        Another run completed the same work key first.
    CatalogError
        A metric names an unknown version.
    """
    # First of all, so that of two runs the later one waits here and then makes nothing.
    try:
        end(session, run_id, "completed", at=at)
    except IntegrityError as error:
        msg = f"The work of run {run_id} was completed by another run meanwhile."
        raise AlreadyCompletedError(msg) from error
    versions = sorted(produce.versions, key=lambda version: (version.kind, version.name))
    made = [Edge(made_as(new.kind, new.name), new.artifact) for new in versions]
    ids = _add_edges(session, run_id, "out", [*produce.outputs, *made], at)
    for new in versions:
        _add_version(session, run_id, new, ids[new.artifact.digest], at)
    for deposit in produce.deposits:
        store_deposit(session, deposit, at=at)
    for metric in produce.metrics:
        _add_metric(session, run_id, metric, at)


def end(
    session: Session,
    run_id: str,
    status: Literal["completed", "failed", "interrupted"],
    *,
    at: datetime,
    error: str | None = None,
) -> None:
    """Record how a run ended.

    Raises
    ------
    CatalogError
        It ended before.
    """
    # A run that was taken for dead and completes after all was not dead.
    open_states = ("running", "interrupted")
    statement = sa.update(RunRow).where(RunRow.id == run_id, RunRow.status.in_(open_states))
    done = session.execute(
        statement.values(status=status, ended_at=at, error=error).returning(RunRow.id)
    ).all()
    if not done:
        msg = f"Expected run {run_id} to be running, found it ended."
        raise CatalogError(msg)


def _root_of(session: Session, parent_run_id: str | None) -> str | None:
    if parent_run_id is None:
        return None
    root = session.scalar(sa.select(RunRow.root_run_id).where(RunRow.id == parent_run_id))
    if root is None:
        msg = f"Expected a recorded run as the parent, found {parent_run_id!r}."
        raise CatalogError(msg)
    return root


def _add_edges(
    session: Session,
    run_id: str,
    direction: Literal["in", "out"],
    edges: Sequence[Edge],
    at: datetime,
) -> dict[str, int]:
    ids = store_artifacts(session, [edge.artifact for edge in edges], at=at)
    for edge in edges:
        key = {"run_id": run_id, "direction": direction, "role": edge.role}
        add_missing(session, RunIoRow, {**key, "artifact_id": ids[edge.artifact.digest]})
    return ids


def _add_version(
    session: Session, run_id: str, new: NewVersion, artifact_id: int, at: datetime
) -> None:
    if new.kind == MODEL:
        store_model_version(session, new.name, artifact_id, run_id=run_id, at=at)
    else:
        store_dataset_version(
            session, new.kind, new.name, artifact_id, run_id=run_id, at=at, after=new.after
        )


def _add_metric(session: Session, run_id: str, metric: Metric, at: datetime) -> None:
    values = asdict(metric)
    atlas, model = values.pop("dataset_version"), values.pop("model_version")
    value = float(values.pop("value"))
    finite = math.isfinite(value)
    row = MetricRow(
        **values,
        run_id=run_id,
        value=value if finite else None,
        special=None if finite else str(value),
        dataset_version_id=resolve_dataset_version(session, atlas).id,
        model_version_id=resolve_model_version(session, model).id if model else None,
        at=at,
    )
    session.add(row)
