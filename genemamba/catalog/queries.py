"""Questions about atlases, models, deposits, runs and metrics."""

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from genemamba.catalog.artifact_tables import (
    ArtifactRow,
    DatasetRow,
    DatasetVersionRow,
    DepositRow,
    ModelVersionRow,
)
from genemamba.catalog.base import DepositState
from genemamba.catalog.loading import (
    to_artifact,
    to_dataset_version,
    to_deposit,
    to_metric,
    to_model_version,
    to_run,
)
from genemamba.catalog.records import (
    ArtifactRecord,
    AtlasRecord,
    DatasetVersion,
    DepositRecord,
    MetricRecord,
    ModelVersion,
    RunRecord,
)
from genemamba.catalog.run_tables import MetricRow, RunRow
from genemamba.catalog.versions import ATLAS, resolve_model_version, unknown
from genemamba.errors import CatalogError


def list_atlases(session: Session) -> list[AtlasRecord]:
    """List every atlas by name."""
    names = session.scalars(
        sa.select(DatasetRow.name).where(DatasetRow.kind == ATLAS).order_by(DatasetRow.name)
    ).all()
    versions = {name: list_dataset_versions(session, ATLAS, name) for name in names}
    return [
        AtlasRecord(name=name, n_versions=len(found), latest=found[-1])
        for name, found in versions.items()
    ]


def list_dataset_versions(session: Session, kind: str, name: str) -> list[DatasetVersion]:
    """List the versions of a series, the first one first.

    Raises
    ------
    CatalogError
        There is no such series.
    """
    rows = session.scalars(
        sa.select(DatasetVersionRow)
        .join(DatasetRow)
        .where(DatasetRow.kind == kind, DatasetRow.name == name)
        .options(
            selectinload(DatasetVersionRow.dataset),
            selectinload(DatasetVersionRow.artifact).selectinload(ArtifactRow.locations),
        )
        .order_by(DatasetVersionRow.version_no)
    ).all()
    if not rows:
        raise unknown(session, f"the name of a recorded {kind}", name)
    return [to_dataset_version(row) for row in rows]


def list_model_versions(session: Session, name: str | None) -> list[ModelVersion]:
    """List model versions, the first one first; of every model, where no name is given.

    Raises
    ------
    CatalogError
        There is no model of that name.
    """
    statement = (
        sa.select(ModelVersionRow)
        .options(selectinload(ModelVersionRow.artifact).selectinload(ArtifactRow.locations))
        .order_by(ModelVersionRow.name, ModelVersionRow.version_no)
    )
    if name is not None:
        statement = statement.where(ModelVersionRow.name == name)
    rows = session.scalars(statement).all()
    if name is not None and not rows:
        raise unknown(session, "the name of a recorded model", name)
    return [to_model_version(row) for row in rows]


def list_deposits(
    session: Session, *, state: DepositState | None, name: str | None
) -> list[DepositRecord]:
    """List deposits by the time of their verdict."""
    statement = (
        sa.select(DepositRow)
        .options(selectinload(DepositRow.store).selectinload(ArtifactRow.locations))
        .order_by(DepositRow.at, DepositRow.id)
    )
    if state is not None:
        statement = statement.where(DepositRow.state == state)
    if name is not None:
        statement = statement.where(DepositRow.name == name)
    return [to_deposit(row) for row in session.scalars(statement)]


def get_artifact(session: Session, digest: str) -> ArtifactRecord:
    """Find an artifact by its whole digest.

    Raises
    ------
    CatalogError
        There is none.
    """
    row = session.scalars(
        sa.select(ArtifactRow)
        .where(ArtifactRow.digest == digest)
        .options(selectinload(ArtifactRow.locations))
    ).one_or_none()
    if row is None:
        msg = f"Expected the digest of a recorded artifact, found {digest!r}."
        raise CatalogError(msg)
    return to_artifact(row)


def find_run(session: Session, *conditions: sa.ColumnElement[bool]) -> RunRecord | None:
    """Find the one run that fits, with what it read and made."""
    row = session.scalars(sa.select(RunRow).where(*conditions)).one_or_none()
    return to_run(session, row) if row else None


def get_run(session: Session, run_id: str) -> RunRecord:
    """Find a run by its id.

    Raises
    ------
    CatalogError
        There is none.
    """
    record = find_run(session, RunRow.id == run_id)
    if record is None:
        msg = f"Expected the id of a recorded run, found {run_id!r}."
        raise CatalogError(msg)
    return record


def find_completed_run(session: Session, work_key: str) -> RunRecord | None:
    """Find the run that completed a piece of work."""
    return find_run(session, RunRow.work_key == work_key, RunRow.status == "completed")


def list_atlas_metrics(
    session: Session, atlas: str, *, metric: str | None, subject: str | None
) -> list[MetricRecord]:
    """List the metrics of every version of an atlas, the oldest first.

    Raises
    ------
    CatalogError
        There is no such atlas.
    """
    dataset_id = session.scalar(
        sa.select(DatasetRow.id).where(DatasetRow.kind == ATLAS, DatasetRow.name == atlas)
    )
    if dataset_id is None:
        raise unknown(session, "the name of a recorded atlas", atlas)
    statement = _metrics().where(DatasetVersionRow.dataset_id == dataset_id)
    if metric is not None:
        statement = statement.where(MetricRow.name == metric)
    if subject is not None:
        statement = statement.where(MetricRow.subject == subject)
    return [to_metric(row) for row in session.scalars(statement)]


def list_run_metrics(session: Session, run_id: str) -> list[MetricRecord]:
    """List the metrics that a run made, in the order in which it added them."""
    return [to_metric(row) for row in session.scalars(_metrics().where(MetricRow.run_id == run_id))]


def list_model_metrics(session: Session, ref: str) -> list[MetricRecord]:
    """List the metrics that stand for one model version, the oldest first.

    Raises
    ------
    CatalogError
        There is no such model version.
    """
    version = resolve_model_version(session, ref)
    statement = _metrics().where(MetricRow.model_version_id == version.id)
    return [to_metric(row) for row in session.scalars(statement)]


def _metrics() -> sa.Select[tuple[MetricRow]]:
    return (
        sa.select(MetricRow)
        .join(MetricRow.dataset_version)
        .options(
            selectinload(MetricRow.dataset_version).selectinload(DatasetVersionRow.dataset),
            selectinload(MetricRow.model_version),
            selectinload(MetricRow.run).selectinload(RunRow.transform),
        )
        .order_by(MetricRow.at, MetricRow.id)
    )
