"""What something came from, and what came from it."""

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased, selectinload

from genemamba.catalog.artifact_tables import (
    ArtifactRow,
    DatasetRow,
    DatasetVersionRow,
    ModelVersionRow,
)
from genemamba.catalog.base import Direction
from genemamba.catalog.graph import ArtifactNode, Lineage, LineageEdge, RunNode
from genemamba.catalog.loading import made_as, to_artifact, to_code
from genemamba.catalog.run_tables import RunIoRow, RunRow
from genemamba.catalog.versions import MODEL


def trace(session: Session, start: ArtifactRow | RunRow, *, downstream: bool) -> Lineage:
    """Follow every edge from an artifact or run, backwards or forwards in time.

    Parameters
    ----------
    session
        A session that reads.
    start
        Where to start.
    downstream
        Follow what was made from it, rather than what it was made from.
    """
    artifact_ids = _reached_artifacts(start, downstream=downstream)
    # Backwards, the runs that made what was reached; forwards, the runs that read it.
    towards: Direction = "in" if downstream else "out"
    run_ids = (
        sa.select(RunIoRow.run_id)
        .where(RunIoRow.direction == towards, RunIoRow.artifact_id.in_(artifact_ids))
        .union(sa.select(sa.literal(start.id if isinstance(start, RunRow) else None)))
    )
    artifacts = _artifact_nodes(session, artifact_ids)
    runs = _run_nodes(session, run_ids)
    root = runs[start.id] if isinstance(start, RunRow) else artifacts[start.id]
    return Lineage(
        root=root,
        nodes=(*artifacts.values(), *runs.values()),
        edges=_edges_between(session, artifact_ids, run_ids),
    )


def reached(
    seed: sa.Select[tuple[int]] | sa.Select[tuple[int | None]], *, downstream: bool
) -> sa.Select[tuple[int | None]]:
    """Select some artifacts and all that they came from, or all that came from them.

    Parameters
    ----------
    seed
        Selects ``artifact_id`` of the first ones.
    downstream
        Follow what was made from them, rather than what they were made from.
    """
    first, then = ("in", "out") if downstream else ("out", "in")
    found = seed.cte("reached", recursive=True)
    near, far = aliased(RunIoRow), aliased(RunIoRow)
    step = (
        sa.select(far.artifact_id)
        .select_from(found)
        .join(near, sa.and_(near.artifact_id == found.c.artifact_id, near.direction == first))
        .join(far, sa.and_(far.run_id == near.run_id, far.direction == then))
    )
    # UNION, not UNION ALL: an artifact reached by two ways is followed once, and a loop ends.
    return sa.select(found.union(step).c.artifact_id)


def _reached_artifacts(
    start: ArtifactRow | RunRow, *, downstream: bool
) -> sa.Select[tuple[int | None]]:
    then: Direction = "out" if downstream else "in"
    if isinstance(start, RunRow):
        seed = sa.select(RunIoRow.artifact_id).where(
            RunIoRow.run_id == start.id, RunIoRow.direction == then
        )
    else:
        seed = sa.select(ArtifactRow.id.label("artifact_id")).where(ArtifactRow.id == start.id)
    return reached(seed, downstream=downstream)


def _artifact_nodes(
    session: Session, artifact_ids: sa.Select[tuple[int | None]]
) -> dict[int, ArtifactNode]:
    refs = _refs(session, artifact_ids)
    statement = (
        sa.select(ArtifactRow)
        .where(ArtifactRow.id.in_(artifact_ids))
        .options(selectinload(ArtifactRow.locations))
        .order_by(ArtifactRow.created_at, ArtifactRow.id)
    )
    return {
        row.id: ArtifactNode(artifact=to_artifact(row), refs=tuple(refs.get(row.id, ())))
        for row in session.scalars(statement)
    }


def _refs(session: Session, artifact_ids: sa.Select[tuple[int | None]]) -> dict[int, list[str]]:
    series = (
        sa.select(
            DatasetVersionRow.artifact_id,
            DatasetRow.kind,
            DatasetRow.name,
            DatasetVersionRow.version_no,
        )
        .join(DatasetRow)
        .where(DatasetVersionRow.artifact_id.in_(artifact_ids))
    )
    models = sa.select(
        ModelVersionRow.artifact_id,
        sa.literal(MODEL),
        ModelVersionRow.name,
        ModelVersionRow.version_no,
    ).where(ModelVersionRow.artifact_id.in_(artifact_ids))
    refs: dict[int, list[str]] = {}
    for artifact_id, kind, name, number in sorted(
        tuple(row) for statement in (series, models) for row in session.execute(statement)
    ):
        refs.setdefault(artifact_id, []).append(f"{made_as(kind, name)}@{number}")
    return refs


def _run_nodes(session: Session, run_ids: sa.CompoundSelect[tuple[str]]) -> dict[str, RunNode]:
    statement = (
        sa.select(RunRow)
        .where(RunRow.id.in_(run_ids))
        .options(
            selectinload(RunRow.params),
            selectinload(RunRow.transform),
            selectinload(RunRow.environment),
        )
        .order_by(RunRow.started_at, RunRow.id)
    )
    return {row.id: _run_node(row) for row in session.scalars(statement)}


def _run_node(row: RunRow) -> RunNode:
    return RunNode(
        id=row.id,
        stage=row.stage,
        status=row.status,
        params={param.key: param.value for param in row.params},
        code=to_code(row.transform),
        environment_digest=row.environment.digest,
        parent_run_id=row.parent_run_id,
        trigger=row.trigger,
        seed=row.seed,
        started_at=row.started_at,
        ended_at=row.ended_at,
    )


def _edges_between(
    session: Session,
    artifact_ids: sa.Select[tuple[int | None]],
    run_ids: sa.CompoundSelect[tuple[str]],
) -> tuple[LineageEdge, ...]:
    rows = session.execute(
        sa.select(RunIoRow.run_id, RunIoRow.direction, RunIoRow.role, ArtifactRow.digest)
        .join(ArtifactRow)
        .where(RunIoRow.artifact_id.in_(artifact_ids), RunIoRow.run_id.in_(run_ids))
    )
    return tuple(sorted(LineageEdge(*row) for row in rows))
