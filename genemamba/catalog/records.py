"""What the catalog hands back: plain frozen values with no tie to a database."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from genemamba.catalog.base import DepositState, RunStatus
from genemamba.catalog.values import ArtifactInfo
from genemamba.errors import CatalogError
from genemamba.provenance import CodeVersion, Json


@dataclass(frozen=True, kw_only=True, slots=True)
class ArtifactRecord:
    """An artifact as it was first recorded."""

    digest: str
    """``sha256:`` and 64 hex digits."""
    kind: str
    """What it is."""
    uris: tuple[str, ...]
    """Every place where it was seen, the latest one last; before it those where it was lost."""
    size_bytes: int
    """Bytes in all."""
    n_files: int
    """Files in all."""
    media_type: str | None
    """Media type, where one is known."""
    facets: Mapping[str, Json]
    """Further facts."""
    created_at: datetime
    """When it was first recorded, UTC."""

    @property
    def uri(self) -> str:
        """The place where it was seen last."""
        return self.uris[-1]

    def to_info(self) -> ArtifactInfo:
        """Return it as a run's input or output."""
        return ArtifactInfo(
            digest=self.digest,
            kind=self.kind,
            uri=self.uri,
            size_bytes=self.size_bytes,
            n_files=self.n_files,
            media_type=self.media_type,
            facets=self.facets,
        )


class RecordedEdge(NamedTuple):
    """An artifact and what it was to the run."""

    role: str
    """What the run calls it."""
    artifact: ArtifactRecord
    """The artifact."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DatasetVersion:
    """One version of a named series, such as an atlas."""

    kind: str
    """What the series is: ``"atlas"``, ``"annotation"``..."""
    name: str
    """Name of the series."""
    version_no: int
    """1 for the first."""
    artifact: ArtifactRecord
    """What the version is."""
    run_id: str
    """The run that first made it."""
    created_at: datetime
    """When that run completed, UTC."""

    @property
    def ref(self) -> str:
        """How users name it: ``"lung@3"``."""
        return f"{self.name}@{self.version_no}"


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelVersion:
    """One checkpoint of a named model."""

    name: str
    """Name of the model."""
    version_no: int
    """1 for the first."""
    artifact: ArtifactRecord
    """The checkpoint."""
    run_id: str
    """The run that first made it."""
    created_at: datetime
    """When that run completed, UTC."""

    @property
    def ref(self) -> str:
        """How users name it: ``"small@2"``."""
        return f"{self.name}@{self.version_no}"


@dataclass(frozen=True, kw_only=True, slots=True)
class AtlasRecord:
    """An atlas and its latest version."""

    name: str
    """Name of the atlas."""
    n_versions: int
    """Versions in all."""
    latest: DatasetVersion
    """The version with the highest number."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DepositRecord:
    """A deposit and the latest verdict on it."""

    uri: str
    """Path or URL it was read from."""
    name: str
    """Name that its cells carry."""
    sha256: str
    """64 hex digits over its bytes."""
    size_bytes: int
    """Bytes in all."""
    state: DepositState
    """Whether it was accepted."""
    verdict: Mapping[str, Json]
    """What the checks found."""
    store: ArtifactRecord | None
    """The store it became; None for a refused one."""
    run_id: str | None
    """The run that looked at it."""
    at: datetime
    """Time of the verdict, UTC."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MetricRecord:
    """One number, and all that made it."""

    name: str
    value: float
    implementation: str
    atlas_version: str
    model_version: str | None
    subject: str
    slice: str
    split: str | None
    n: int | None
    ci_low: float | None
    ci_high: float | None
    run_id: str
    code: CodeVersion
    seed: int | None
    trigger: str
    at: datetime
    """When its run completed, UTC."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunRecord:
    """One execution; the fields of `genemamba.catalog.values.RunSpec`, and what came of it."""

    id: str
    stage: str
    status: RunStatus
    work_key: str
    params: Mapping[str, Json]
    code: CodeVersion
    environment_digest: str
    environment: Mapping[str, Json]
    parent_run_id: str | None
    root_run_id: str
    orchestrator: str | None
    flow_run_id: str | None
    task_run_id: str | None
    trigger: str
    host: str
    pid: int
    seed: int | None
    started_at: datetime
    ended_at: datetime | None
    error: str | None
    inputs: tuple[RecordedEdge, ...]
    outputs: tuple[RecordedEdge, ...]
    dataset_versions: tuple[DatasetVersion, ...]
    model_versions: tuple[ModelVersion, ...]

    def output(self, role: str) -> ArtifactRecord:
        """Return the one output with a role.

        Raises
        ------
        CatalogError
            There is none, or more than one.
        """
        found = [edge.artifact for edge in self.outputs if edge.role == role]
        if len(found) != 1:
            roles = sorted(edge.role for edge in self.outputs)
            msg = f"Expected one output {role!r} of run {self.id}, found {roles}."
            raise CatalogError(msg)
        return found[0]
