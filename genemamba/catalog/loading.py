"""Turn rows into records."""

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.orm import Session

from genemamba.catalog.artifact_tables import (
    ArtifactRow,
    DatasetRow,
    DatasetVersionRow,
    DepositRow,
    ModelVersionRow,
)
from genemamba.catalog.base import Direction
from genemamba.catalog.records import (
    ArtifactRecord,
    DatasetVersion,
    DepositRecord,
    MetricRecord,
    ModelVersion,
    RecordedEdge,
    RunRecord,
)
from genemamba.catalog.run_tables import MetricRow, RunIoRow, RunRow, TransformRow
from genemamba.provenance import CodeVersion


def to_artifact(row: ArtifactRow) -> ArtifactRecord:
    """Turn an artifact and its locations into a record."""
    return ArtifactRecord(
        digest=row.digest,
        kind=row.kind,
        # Where it was found missing or damaged, it is looked for last of all.
        uris=tuple(
            location.uri
            for location in sorted(row.locations, key=lambda place: place.state == "present")
        ),
        size_bytes=row.size_bytes,
        n_files=row.n_files,
        media_type=row.media_type,
        facets=row.facets,
        created_at=row.created_at,
    )


def to_dataset_version(row: DatasetVersionRow) -> DatasetVersion:
    """Turn a version of a series into a record."""
    return DatasetVersion(
        kind=row.dataset.kind,
        name=row.dataset.name,
        version_no=row.version_no,
        artifact=to_artifact(row.artifact),
        run_id=row.run_id,
        created_at=row.created_at,
    )


def to_model_version(row: ModelVersionRow) -> ModelVersion:
    """Turn a version of a model into a record."""
    return ModelVersion(
        name=row.name,
        version_no=row.version_no,
        artifact=to_artifact(row.artifact),
        run_id=row.run_id,
        created_at=row.created_at,
    )


def to_deposit(row: DepositRow) -> DepositRecord:
    """Turn a deposit into a record."""
    return DepositRecord(
        uri=row.uri,
        name=row.name,
        sha256=row.sha256,
        size_bytes=row.size_bytes,
        state=row.state,
        verdict=row.verdict,
        store=to_artifact(row.store) if row.store else None,
        run_id=row.run_id,
        at=row.at,
    )


def to_code(row: TransformRow) -> CodeVersion:
    """Turn a transform into the code version that it was made from."""
    return CodeVersion(
        entrypoint=row.entrypoint,
        package_version=row.package_version,
        git_commit=row.git_commit,
        git_dirty=row.git_dirty,
        source_digest=row.source_digest,
    )


def to_metric(row: MetricRow) -> MetricRecord:
    """Turn a metric and its run into a record."""
    version, model = row.dataset_version, row.model_version
    return MetricRecord(
        name=row.name,
        value=_number(row),
        implementation=row.implementation,
        atlas_version=f"{version.dataset.name}@{version.version_no}",
        model_version=f"{model.name}@{model.version_no}" if model else None,
        subject=row.subject,
        slice=row.slice,
        split=row.split,
        n=row.n,
        ci_low=row.ci_low,
        ci_high=row.ci_high,
        run_id=row.run_id,
        code=to_code(row.run.transform),
        seed=row.run.seed,
        trigger=row.run.trigger,
        at=row.at,
    )


def _number(row: MetricRow) -> float:
    # The table's check leaves exactly one of the two.
    return float(str(row.special)) if row.value is None else row.value


def to_run(session: Session, row: RunRow) -> RunRecord:
    """Turn a run into a record, with what it read and made."""
    return RunRecord(
        id=row.id,
        stage=row.stage,
        status=row.status,
        work_key=row.work_key,
        params={param.key: param.value for param in row.params},
        code=to_code(row.transform),
        environment_digest=row.environment.digest,
        environment=row.environment.spec,
        parent_run_id=row.parent_run_id,
        root_run_id=row.root_run_id,
        orchestrator=row.orchestrator,
        flow_run_id=row.flow_run_id,
        task_run_id=row.task_run_id,
        trigger=row.trigger,
        host=row.host,
        pid=row.pid,
        seed=row.seed,
        started_at=row.started_at,
        ended_at=row.ended_at,
        error=row.error,
        inputs=_edges(row.edges, "in"),
        outputs=_edges(row.edges, "out"),
        dataset_versions=_dataset_versions_of(session, row.id),
        model_versions=_model_versions_of(session, row.id),
    )


def made_as(kind: str, name: str) -> str:
    """Return the role under which a run makes a version of a series."""
    return f"{kind}:{name}"


def _edges(rows: Iterable[RunIoRow], direction: Direction) -> tuple[RecordedEdge, ...]:
    found = [row for row in rows if row.direction == direction]
    edges = [RecordedEdge(row.role, to_artifact(row.artifact)) for row in found]
    return tuple(sorted(edges, key=lambda edge: (edge.role, edge.artifact.digest)))


def _dataset_versions_of(session: Session, run_id: str) -> tuple[DatasetVersion, ...]:
    # Not by the version's own run: that is the first one to make the same artifact.
    statement = (
        sa.select(DatasetVersionRow)
        .join(DatasetRow)
        .join(RunIoRow, RunIoRow.artifact_id == DatasetVersionRow.artifact_id)
        .where(RunIoRow.run_id == run_id, RunIoRow.direction == "out")
        .where(RunIoRow.role == DatasetRow.kind + ":" + DatasetRow.name)
        .order_by(DatasetRow.kind, DatasetRow.name, DatasetVersionRow.version_no)
    )
    return tuple(to_dataset_version(row) for row in session.scalars(statement))


def _model_versions_of(session: Session, run_id: str) -> tuple[ModelVersion, ...]:
    statement = (
        sa.select(ModelVersionRow)
        .join(RunIoRow, RunIoRow.artifact_id == ModelVersionRow.artifact_id)
        .where(RunIoRow.run_id == run_id, RunIoRow.direction == "out")
        .where(RunIoRow.role == "model:" + ModelVersionRow.name)
        .order_by(ModelVersionRow.name, ModelVersionRow.version_no)
    )
    return tuple(to_model_version(row) for row in session.scalars(statement))
