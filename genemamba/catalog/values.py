"""What a caller hands to the catalog: plain values, checked when they are made."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from genemamba.catalog.base import DepositState
from genemamba.provenance import CodeVersion, Json
from genemamba.storage import FileDigest, digest_files

DIGEST_PATTERN: Final = re.compile(r"sha256:[0-9a-f]{64}")
"""Every digest in the catalog, so that equal bytes are one row."""

EVERY_CELL: Final = "all"
"""The slice of a metric that looks at every cell."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ArtifactInfo:
    """A file or folder that a run read or made."""

    digest: str
    """``sha256:`` and 64 hex digits over the bytes, or over the sorted file list of a folder."""
    kind: str
    """What it is: ``"store"``, ``"atlas"``, ``"checkpoint"``, ``"report"``..."""
    uri: str
    """Path or URL where it lies."""
    size_bytes: int
    """Bytes in all."""
    n_files: int = 1
    """Files in all."""
    media_type: str | None = None
    """Media type, where one is known."""
    facets: Mapping[str, Json] = field(default_factory=dict)
    """Further facts, such as numbers of cells and genes."""
    files: tuple[FileDigest, ...] = ()
    """Every file of a folder, so that an audit can name a damaged one; none where unknown."""

    def __post_init__(self) -> None:
        if not DIGEST_PATTERN.fullmatch(self.digest):
            msg = f"Expected a digest 'sha256:' and 64 hex digits, found {self.digest!r}."
            raise ValueError(msg)
        if self.size_bytes < 0 or self.n_files < 0:
            msg = f"Expected sizes >= 0, found {self.size_bytes} bytes, {self.n_files} files."
            raise ValueError(msg)
        if self.files and digest_files(self.files) != self.digest:
            msg = f"Expected files that hash to {self.digest}, found {digest_files(self.files)}."
            raise ValueError(msg)


class Edge(NamedTuple):
    """An artifact and what it is to the run."""

    role: str
    """What the run calls it: ``"store"``, ``"checkpoint"``, ``"vocabulary"``..."""
    artifact: ArtifactInfo
    """The artifact."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunSpec:
    """All that is known of a run before it starts."""

    stage: str
    """Which step this is: ``"ingest"``, ``"pretrain"``, ``"annotate"``..."""
    work_key: str
    """`genemamba.catalog.keys.work_key`: equal keys are equal work."""
    code: CodeVersion
    """Which code runs."""
    environment: Mapping[str, Json]
    """`genemamba.provenance.environment_spec`."""
    params: Mapping[str, Json] = field(default_factory=dict)
    """Every parameter that decides the result."""
    inputs: Sequence[Edge] = ()
    """What the run reads."""
    seed: int | None = None
    """Seed of the run's randomness; None where it has none."""
    parent_run_id: str | None = None
    """The run that started this one."""
    orchestrator: str | None = None
    """Name and version of what scheduled the run, such as ``"prefect@3.8.8"``."""
    flow_run_id: str | None = None
    """The orchestrator's id of the flow run."""
    task_run_id: str | None = None
    """The orchestrator's id of the task run."""
    trigger: str = "manual"
    """Why it ran: ``"manual"``, ``"schedule"``, ``"event"``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """One number about one atlas version."""

    name: str
    """Name of the function that computed it, such as ``"ilisi_knn"``."""
    value: float
    """The number; NaN and infinities are kept as such."""
    implementation: str
    """Distribution and version, such as ``"scib-metrics@0.5.10"``."""
    dataset_version: str
    """The atlas version, such as ``"lung@3"``."""
    subject: str
    """What was scored: an embedding's key, or a method."""
    model_version: str | None = None
    """The model version that made the subject, such as ``"small@2"``; None for a baseline."""
    slice: str = EVERY_CELL
    """Which cells were looked at."""
    split: str | None = None
    """How test cells were held out, such as ``"held-out batch"``; None where none were."""
    n: int | None = None
    """Cells that the number is over."""
    ci_low: float | None = None
    """Lower end of the confidence interval."""
    ci_high: float | None = None
    """Upper end of the confidence interval."""

    def __post_init__(self) -> None:
        for end in (self.ci_low, self.ci_high):
            if end is not None and not math.isfinite(end):
                msg = f"Expected a finite confidence interval of {self.name!r}, found {end}."
                raise ValueError(msg)


@dataclass(frozen=True, kw_only=True, slots=True)
class Deposit:
    """What was received, and the verdict on it."""

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
    verdict: Mapping[str, Json] = field(default_factory=dict)
    """What the checks found."""
    store_digest: str | None = None
    """Digest of the store it became; None for a refused one."""
    run_id: str | None = None
    """The run that looked at it."""
