"""Ingest one deposit: fetch, validate, harmonise, write, verify, record; or refuse with a verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from prefect import task

from genemamba.atlas.genes import load_reference
from genemamba.atlas.ingest import IngestPlan, plan_ingest, write_store
from genemamba.atlas.versions import StoreEntry, settle_name
from genemamba.catalog.values import ArtifactInfo, Deposit, Edge
from genemamba.errors import InputError
from genemamba.provenance import Json
from genemamba.storage import FetchedFile, fetch_deposit
from tasks.atlas import newest_stores
from tasks.deposits import DepositSpec
from tasks.policies import INGEST_TIMEOUT_S, RETRY_REMOTE
from tasks.progress import progress_bar
from tasks.stages import Produced, StagePlan, StageRef, run_stage
from tasks.workspace import Workspace

MODULES: Final = ("atlas", "keys.py")
"""Library modules that decide what a store holds."""

COMMIT_MARK: Final = "zarr.json"
"""Root metadata of a store: consolidated, and written last."""


@dataclass(frozen=True, kw_only=True)
class IngestOutcome:
    """The verdict on one deposit, and its store if it was accepted."""

    uri: str
    """Path or URL."""
    name: str
    """Name of the deposit."""
    report: Mapping[str, Json]
    """What was found, or for a refused deposit what was expected and what to do."""
    stage: StageRef | None = None
    """The store; None for a refused deposit."""
    entry: StoreEntry | None = None
    """The store as atlas versions list it."""

    refused: bool = False
    """True where the deposit cannot be taken."""

    @property
    def verdict(self) -> str:
        """``accepted``, ``acceptable`` (nothing was written) or ``refused``."""
        if self.refused:
            return "refused"
        return "accepted" if self.stage else "acceptable"

    @property
    def message(self) -> str:
        """Why a deposit was refused, in one sentence and a remedy."""
        return "Expected {expected}, found {found}. {remedy}".format(**self.report)


class RefusedError(InputError):
    """Every deposit was refused.

    Parameters
    ----------
    outcomes
        The verdicts, at least one.
    """

    def __init__(self, outcomes: Sequence[IngestOutcome]) -> None:
        self.outcomes = tuple(outcomes)
        found = "; ".join(f"{outcome.name}: {outcome.message}" for outcome in outcomes)
        super().__init__(
            expected="a deposit that can be taken",
            found=f"none of {len(outcomes)} ({found})",
            remedy="Mend the deposits, or name others.",
        )

    def __reduce__(self) -> tuple[type["RefusedError"], tuple[Sequence[IngestOutcome]]]:
        return RefusedError, (self.outcomes,)


@task(name="ingest-source", timeout_seconds=INGEST_TIMEOUT_S, **RETRY_REMOTE)
def ingest_source(workspace: Workspace, atlas: str, deposit: DepositSpec) -> IngestOutcome:
    """Turn one deposit into a store, or into a verdict; never into half of either."""
    with TemporaryDirectory(prefix="genemamba-") as scratch:
        fetched = None
        try:
            with progress_bar(f"reading {deposit.name}") as bar:
                fetched = fetch_deposit(deposit.uri, scratch=Path(scratch), progress=bar)
            deposit = _settle_name(workspace, atlas, deposit, fetched)
            outcome = _ingest_fetched(workspace, deposit, fetched, Path(scratch))
        except InputError as error:
            outcome = _refused(deposit, error)
    _record_verdict(workspace, outcome, fetched)
    return outcome


@task(name="inspect-source", timeout_seconds=INGEST_TIMEOUT_S, **RETRY_REMOTE)
def inspect_source(deposit: DepositSpec) -> IngestOutcome:
    """Validate a deposit as ingest would, and write nothing."""
    with TemporaryDirectory(prefix="genemamba-") as scratch:
        try:
            fetched = fetch_deposit(deposit.uri, scratch=Path(scratch))
            plan = _plan(deposit, fetched, Path(scratch))
        except InputError as error:
            return _refused(deposit, error)
    report = _with_notes(plan.report, deposit.notes)
    return IngestOutcome(uri=deposit.uri, name=deposit.name, report=report)


def _settle_name(
    workspace: Workspace, atlas: str, deposit: DepositSpec, fetched: FetchedFile
) -> DepositSpec:
    name = settle_name(newest_stores(workspace, atlas), deposit.name, fetched.sha256)
    if name == deposit.name:
        return deposit
    note = f"is called {name!r} in this atlas: {deposit.name!r} is another deposit or its own name"
    return replace(deposit, name=name, notes=[*deposit.notes, note])


def _ingest_fetched(
    workspace: Workspace, deposit: DepositSpec, fetched: FetchedFile, scratch: Path
) -> IngestOutcome:
    source = ArtifactInfo(
        digest=f"sha256:{fetched.sha256}",
        kind="deposit",
        uri=deposit.uri,
        size_bytes=fetched.size_bytes,
        facets={"name": deposit.name},
    )
    stage_plan = StagePlan(
        stage="ingest",
        kind="store",
        folder="stores",
        suffix=".zarr",
        inputs=[Edge(role="deposit", artifact=source)],
        params={
            "name": deposit.name,
            "genes": load_reference().digest,
            **asdict(deposit.options),
        },
        modules=MODULES,
        commit_mark=COMMIT_MARK,
    )

    def work(staged: str) -> Produced:
        plan = _plan(deposit, fetched, scratch)
        with progress_bar(f"writing {deposit.name}") as bar:
            summary = write_store(plan, staged, scheduler=workspace.dask_scheduler, progress=bar)
        facets = {**asdict(summary), "report": plan.report}
        return Produced(facets=facets, media_type="application/vnd+zarr")

    stage = run_stage(workspace, stage_plan, work)
    facets = stage.artifact.facets
    entry = StoreEntry(
        name=deposit.name,
        digest=stage.artifact.digest,
        url=stage.artifact.uri,
        n_obs=facets["n_obs"],
        n_vars=facets["n_vars"],
        deposit_sha256=fetched.sha256,
    )
    report = _with_notes(facets["report"], deposit.notes)
    return IngestOutcome(
        uri=deposit.uri, name=deposit.name, report=report, stage=stage, entry=entry
    )


def _plan(deposit: DepositSpec, fetched: FetchedFile, scratch: Path) -> IngestPlan:
    with progress_bar(f"checking {deposit.name}") as bar:
        return plan_ingest(
            fetched.path,
            name=deposit.name,
            sha256=fetched.sha256,
            options=deposit.options,
            scratch=scratch,
            progress=bar,
        )


def _with_notes(report: Mapping[str, Json], notes: Sequence[str]) -> dict[str, Json]:
    return {**report, "notes": [*notes, *report["notes"]]}


def _refused(deposit: DepositSpec, error: InputError) -> IngestOutcome:
    report = {
        "kind": type(error).__name__,
        "expected": error.expected,
        "found": error.found,
        "remedy": error.remedy,
    }
    return IngestOutcome(uri=deposit.uri, name=deposit.name, report=report, refused=True)


def keep_accepted(outcomes: Sequence[IngestOutcome]) -> list[StoreEntry]:
    """Return the stores of the accepted deposits.

    Raises
    ------
    RefusedError
        Every deposit was refused.
    """
    entries = [outcome.entry for outcome in outcomes if outcome.entry]
    if not entries:
        raise RefusedError(outcomes)
    return entries


def _record_verdict(
    workspace: Workspace, outcome: IngestOutcome, fetched: FetchedFile | None
) -> None:
    if fetched is None:
        return
    deposit = Deposit(
        uri=outcome.uri,
        name=outcome.name,
        sha256=fetched.sha256,
        size_bytes=fetched.size_bytes,
        state="refused" if outcome.refused else "accepted",
        verdict=outcome.report,
        store_digest=outcome.stage.artifact.digest if outcome.stage else None,
        run_id=outcome.stage.run_id if outcome.stage else None,
    )
    with workspace.open_catalog() as catalog:
        catalog.record_deposit(deposit)
