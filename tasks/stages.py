"""One stage of work: found in the record, or done, published and recorded."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from prefect.runtime import deployment, flow_run, task_run

from genemamba.catalog.catalog import Catalog
from genemamba.catalog.keys import work_key
from genemamba.catalog.recording import RecordedRun
from genemamba.catalog.records import RunRecord
from genemamba.catalog.values import ArtifactInfo, Edge, Metric, RunSpec
from genemamba.errors import StoreError
from genemamba.provenance import (
    Json,
    code_version,
    environment_spec,
    library_version,
    source_digest,
)
from genemamba.publishing import exclusive_folder, publish, staging_area
from genemamba.storage import join_url, split_url, tree_manifest
from tasks.workspace import Workspace, resume_owner, staging_owner

VIEW_MODULES: Final = tuple(
    f"atlas/{name}.py"
    for name in (
        "genes/column_map",
        "genes/layout",
        "genes/mapping",
        "sparse",
        "store",
        "versions/blocks",
        "versions/joining",
        "versions/left_out",
        "versions/row_ranges",
        "versions/store_entry",
        "versions/view",
    )
)
"""Library modules that decide which cells and counts a stage sees of an atlas."""

DIGEST_LENGTH: Final = 16
"""Hex digits of a digest in a file name: 64 bits, no collision in any home."""


@dataclass(frozen=True, kw_only=True)
class StageRef:
    """What a stage left, by reference."""

    stage: str
    """Which stage."""
    run_id: str
    """The run that did it."""
    reused: bool
    """True where an earlier run had done the same work."""
    artifact: ArtifactInfo
    """What it wrote."""
    label: str = ""
    """Name and number in the catalog, such as ``lung@3``."""

    @property
    def name(self) -> str:
        """Name in the catalog, without its number."""
        return self.label.partition("@")[0]

    @property
    def short(self) -> str:
        """First digits of the artifact's digest."""
        return short_digest(self.artifact.digest)


@dataclass(frozen=True, kw_only=True)
class StagePlan:
    """What a stage is about to do; equal plans are the same work."""

    stage: str
    """Which stage."""
    kind: str
    """Kind of artifact it writes."""
    folder: str
    """Folder of the home it is published in."""
    suffix: str
    """Ending of the published name; empty for a plain folder."""
    inputs: Sequence[Edge]
    """What it reads."""
    params: Mapping[str, Json]
    """Everything else that decides the result."""
    modules: Sequence[str]
    """Library modules that decide the result."""
    libraries: Sequence[str] = ()
    """Distributions whose next version may well give other numbers."""
    seed: int | None = None
    """Seed of the random numbers."""
    commit_mark: str | None = None
    """File that readers look for; the last one to be copied to an object store."""
    resumable: bool = False
    """Whether a killed attempt leaves what it staged for the next one, and one process at a time
    works on this machine."""

    @property
    def all_params(self) -> Mapping[str, Json]:
        """Parameters, seed and libraries: what decides the result beside inputs and code."""
        libraries = [library_version(name) for name in self.libraries]
        return {**self.params, "seed": self.seed, "libraries": libraries}

    @property
    def work_key(self) -> str:
        """Digest of inputs, parameters and code."""
        return work_key(self.stage, self.inputs, self.all_params, source_digest(*self.modules))


@dataclass(kw_only=True)
class Produced:
    """What the work of a stage adds to the record besides its artifact."""

    facets: Mapping[str, Json] = field(default_factory=dict)
    """Facts about the artifact."""
    metrics: Sequence[Metric] = ()
    """Numbers for the history."""
    version_of: tuple[str, str] | None = None
    """Kind and name of the data set of which this is a version."""
    after: int | None = None
    """Number of the newest version that this one was made from."""
    model_name: str | None = None
    """Name of the model of which this is a version."""
    media_type: str = "application/octet-stream"
    """Of the artifact."""


def short_digest(digest: str) -> str:
    """Return the part of a digest that names files."""
    return digest.removeprefix("sha256:")[:DIGEST_LENGTH]


def run_stage(workspace: Workspace, plan: StagePlan, work: Callable[[str], Produced]) -> StageRef:
    """Do a stage's work once.

    Parameters
    ----------
    workspace
        Where to read and write.
    plan
        What decides the result.
    work
        Writes the artifact at the URL it is given, an empty name in a staging area.

    Returns
    -------
    The earlier run's reference if the same work was completed and its artifact is still there,
    else a new one. Until the work is whole, nothing of it can be seen.

    Raises
    ------
    StoreError
        The artifact of the completed work was lost, and the work now gives another one.
    """
    with workspace.open_catalog() as catalog:
        with _turn(workspace, plan):
            earlier = catalog.find_completed(plan.work_key)
            if earlier is not None and _is_there(_only_output(earlier).uri, plan.commit_mark):
                return stage_ref(earlier, reused=True)
            run = _work_and_record(workspace, catalog, plan, work)
        done = stage_ref(run.record, reused=False)
    if not _is_there(done.artifact.uri, plan.commit_mark):
        msg = (
            f"Expected the stage {plan.stage} to give {done.artifact.digest} again, which was lost "
            f"from {done.artifact.uri}, found other bytes. Put the lost ones back there."
        )
        raise StoreError(msg)
    return done


def stage_ref(run: RunRecord, *, reused: bool) -> StageRef:
    """Refer to what a completed run left.

    Parameters
    ----------
    run
        A completed run with one output.
    reused
        True where it was completed before this flow began.
    """
    versions = (*run.dataset_versions, *run.model_versions)
    return StageRef(
        stage=run.stage,
        run_id=run.id,
        reused=reused,
        artifact=_only_output(run),
        label=versions[0].ref if versions else "",
    )


def resume_folder(workspace: Workspace, plan: StagePlan) -> Path:
    """Return where a resumable stage keeps what a later attempt needs, on this machine."""
    return workspace.cache("resume", short_digest(plan.work_key))


@contextmanager
def _turn(workspace: Workspace, plan: StagePlan) -> Iterator[None]:
    """Wait until no other process of this machine does the same resumable work."""
    if not plan.resumable:
        yield
        return
    with exclusive_folder(resume_folder(workspace, plan), wait=True):
        yield


def _area(workspace: Workspace, plan: StagePlan) -> AbstractContextManager[str]:
    if plan.resumable:
        owner = resume_owner(short_digest(plan.work_key))
        return staging_area(workspace.home, owner=owner, keep=True)
    return staging_area(workspace.home, owner=staging_owner())


def _work_and_record(
    workspace: Workspace, catalog: Catalog, plan: StagePlan, work: Callable[[str], Produced]
) -> RecordedRun:
    with (
        catalog.record_run(_run_spec(plan)) as run,
        _area(workspace, plan) as area,
    ):
        staged = join_url(area, f"artifact{plan.suffix}")
        produced = work(staged)
        manifest = tree_manifest(staged)
        final = workspace.url(plan.folder, f"{short_digest(manifest.digest)}{plan.suffix}")
        publish(staged, final, commit_mark=plan.commit_mark)
        artifact = ArtifactInfo(
            digest=manifest.digest,
            kind=plan.kind,
            uri=final,
            size_bytes=manifest.size_bytes,
            n_files=manifest.n_files,
            media_type=produced.media_type,
            facets=produced.facets,
            files=manifest.files,
        )
        _record(run, plan, artifact, produced)
    return run


def _record(run: RecordedRun, plan: StagePlan, artifact: ArtifactInfo, produced: Produced) -> None:
    run.add_metrics(produced.metrics)
    if produced.version_of:
        run.add_dataset_version(*produced.version_of, artifact, after=produced.after)
    elif produced.model_name:
        run.add_model_version(produced.model_name, artifact)
    else:
        run.add_output(plan.kind, artifact)


def _run_spec(plan: StagePlan) -> RunSpec:
    return RunSpec(
        stage=plan.stage,
        work_key=plan.work_key,
        code=code_version(f"tasks.{plan.stage}", plan.modules),
        environment=environment_spec(),
        params=plan.all_params,
        inputs=plan.inputs,
        seed=plan.seed,
        orchestrator=library_version("prefect"),
        flow_run_id=flow_run.id,
        task_run_id=task_run.id,
        trigger="deployment" if deployment.id else "manual",
    )


def _only_output(run: RunRecord) -> ArtifactInfo:
    (edge,) = run.outputs
    return edge.artifact.to_info()


def _is_there(uri: str, commit_mark: str | None) -> bool:
    fs, path = split_url(join_url(uri, commit_mark) if commit_mark else uri)
    return bool(fs.exists(path))
