"""What a lineage is: artifacts, runs, and the edges between them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from genemamba.catalog.base import Direction, RunStatus
from genemamba.catalog.records import ArtifactRecord
from genemamba.provenance import CodeVersion, Json


@dataclass(frozen=True, kw_only=True, slots=True)
class ArtifactNode:
    """An artifact in a lineage."""

    artifact: ArtifactRecord
    """The artifact."""
    refs: tuple[str, ...]
    """Versions that it is, such as ``"atlas:lung@3"``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunNode:
    """A run in a lineage."""

    id: str
    stage: str
    status: RunStatus
    params: Mapping[str, Json]
    code: CodeVersion
    environment_digest: str
    parent_run_id: str | None
    trigger: str
    seed: int | None
    started_at: datetime
    ended_at: datetime | None


class LineageEdge(NamedTuple):
    """A run read (in) or made (out) an artifact."""

    run_id: str
    direction: Direction
    role: str
    digest: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Lineage:
    """Everything that something came from, or that came from it."""

    root: ArtifactNode | RunNode
    """What was asked for."""
    nodes: tuple[ArtifactNode | RunNode, ...]
    """The root and all it is connected to: artifacts by time of record, then runs by start."""
    edges: tuple[LineageEdge, ...]
    """Every edge between two of the nodes, ordered."""
