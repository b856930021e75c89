"""Ingest one deposit: fetch, validate, harmonise, write, verify, record; or refuse with a verdict."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

import numpy as np
from prefect import task

from genemamba.atlas.cells.quality_filter import quality_filter
from genemamba.atlas.cells.schema import check_columns
from genemamba.atlas.genes.reference import GeneReference
from genemamba.atlas.ingest.memory import MemoryPlan, parse_memory, plan_memory, settle_doublets
from genemamba.atlas.ingest.planning import IngestPlan, plan_ingest
from genemamba.atlas.ingest.storing import write_store
from genemamba.atlas.options import DoubletChoice
from genemamba.atlas.standards.checks import check_standard
from genemamba.atlas.store import read_obs
from genemamba.atlas.versions.changes import settle_name
from genemamba.atlas.versions.left_out import LeftOut
from genemamba.atlas.versions.manifests import StoreEntry
from genemamba.atlas.versions.row_ranges import write_ranges
from genemamba.catalog.values import ArtifactInfo, Edge
from genemamba.errors import InputError, SchemaError
from genemamba.fetching import FetchedFile, fetch_deposit
from genemamba.findings import Finding
from tasks.atlas import newest_stores
from tasks.deposits import DepositSpec
from tasks.outcomes import IngestOutcome, record_verdict, refused_outcome, with_findings
from tasks.policies import INGEST_TIMEOUT_S, RETRY_REMOTE
from tasks.progress import progress_bar
from tasks.reference import open_reference, record_reference
from tasks.settings import DepositSettings
from tasks.stages import Produced, StagePlan, resume_folder, run_stage
from tasks.workspace import Workspace

MODULES: Final = ("atlas", "keys.py")
"""Library modules that decide what a store holds."""

COMMIT_MARK: Final = "zarr.json"
"""Root metadata of a store: consolidated, and written last."""


@task(name="ingest-source", timeout_seconds=INGEST_TIMEOUT_S, **RETRY_REMOTE)
def ingest_source(
    workspace: Workspace, atlas: str, deposit: DepositSpec, settings: DepositSettings
) -> IngestOutcome:
    """Turn one deposit into a store, or into a verdict; never into half of either."""
    with TemporaryDirectory(prefix="genemamba-") as scratch:
        fetched: FetchedFile | None = None
        found: list[Finding] = []
        try:
            rules = _Rules.read(settings)
            deposit = rules.apply(deposit)
            _look_ahead(deposit)
            with progress_bar(f"reading {deposit.name}") as bar:
                fetched = fetch_deposit(deposit.uri, scratch=Path(scratch), progress=bar)
            deposit = _settle_name(workspace, atlas, deposit, fetched)
            found = check_standard(fetched.path, settings.schema)
            _refuse_breaches(found)
            outcome = _ingest_fetched(workspace, deposit, fetched, rules)
            outcome = _filtered(with_findings(outcome, deposit, found), settings)
        except InputError as error:
            outcome = refused_outcome(deposit, error, found)
    record_verdict(workspace, outcome, fetched)
    return outcome


@task(name="inspect-source", timeout_seconds=INGEST_TIMEOUT_S, **RETRY_REMOTE)
def inspect_source(deposit: DepositSpec, settings: DepositSettings) -> IngestOutcome:
    """Validate a deposit as ingest would, and write nothing."""
    with TemporaryDirectory(prefix="genemamba-") as scratch:
        found: list[Finding] = []
        try:
            rules = _Rules.read(settings)
            deposit = rules.apply(deposit)
            _look_ahead(deposit)
            fetched = fetch_deposit(deposit.uri, scratch=Path(scratch))
            found = check_standard(fetched.path, settings.schema)
            _refuse_breaches(found)
            plan = _plan(deposit, fetched, rules, scratch=Path(scratch), scheduler=None)
        except InputError as error:
            return refused_outcome(deposit, error, found)
    outcome = IngestOutcome(uri=deposit.uri, name=deposit.name, report=plan.report)
    return with_findings(outcome, deposit, found)


class _Rules(NamedTuple):
    """What holds for every deposit of a flow."""

    reference: GeneReference
    memory: MemoryPlan
    doublets: DoubletChoice

    @classmethod
    def read(cls, settings: DepositSettings) -> "_Rules":
        limit = parse_memory(settings.memory)
        return cls(
            reference=open_reference(settings.hgnc),
            memory=plan_memory(limit),
            doublets=settle_doublets(settings.doublets, limit),
        )

    def apply(self, deposit: DepositSpec) -> DepositSpec:
        """Say what is done with a deposit, before its work is looked up or begun."""
        if deposit.options.doublets == self.doublets:
            return deposit
        note = "is not scored for doublets, for which --memory is too low"
        options = replace(deposit.options, doublets=self.doublets)
        return replace(deposit, options=options, notes=[*deposit.notes, note])


def _look_ahead(deposit: DepositSpec) -> None:
    """Refuse a deposit whose header already says that it will be, before it is fetched."""
    if deposit.columns:
        check_columns(deposit.columns, deposit.options)


def _settle_name(
    workspace: Workspace, atlas: str, deposit: DepositSpec, fetched: FetchedFile
) -> DepositSpec:
    name = settle_name(newest_stores(workspace, atlas), deposit.name, fetched.sha256)
    if name == deposit.name:
        return deposit
    note = f"is called {name!r} in this atlas: {deposit.name!r} is another deposit or its own name"
    return replace(deposit, name=name, notes=[*deposit.notes, note])


def _ingest_fetched(
    workspace: Workspace, deposit: DepositSpec, fetched: FetchedFile, rules: _Rules
) -> IngestOutcome:
    source = ArtifactInfo(
        digest=f"sha256:{fetched.sha256}",
        kind="deposit",
        uri=deposit.uri,
        size_bytes=fetched.size_bytes,
        facets={"name": deposit.name},
    )
    reference = record_reference(workspace, rules.reference)
    stage_plan = StagePlan(
        stage="ingest",
        kind="store",
        folder="stores",
        suffix=".zarr",
        inputs=[
            Edge(role="deposit", artifact=source),
            Edge(role="genes", artifact=reference.artifact),
        ],
        params={"name": deposit.name, **asdict(deposit.options)},
        modules=MODULES,
        libraries=("numba", "scanpy"),
        commit_mark=COMMIT_MARK,
        resumable=True,
    )

    def work(staged: str) -> Produced:
        folder = resume_folder(workspace, stage_plan)
        plan = _plan(
            deposit,
            fetched,
            rules,
            scratch=folder / "scratch",
            scheduler=workspace.dask_scheduler,
        )
        with progress_bar(f"writing {deposit.name}") as bar:
            summary = write_store(
                plan,
                staged,
                journal=folder / "journal",
                scheduler=workspace.dask_scheduler,
                progress=bar,
            )
        facets = {**summary.to_json(), "report": plan.report}
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
    return IngestOutcome(
        uri=deposit.uri, name=deposit.name, report=facets["report"], stage=stage, entry=entry
    )


def _plan(
    deposit: DepositSpec,
    fetched: FetchedFile,
    rules: _Rules,
    *,
    scratch: Path,
    scheduler: str | None,
) -> IngestPlan:
    with progress_bar(f"checking {deposit.name}") as bar:
        return plan_ingest(
            fetched.path,
            name=deposit.name,
            sha256=fetched.sha256,
            options=deposit.options,
            scratch=scratch,
            reference=rules.reference,
            memory=rules.memory,
            scheduler=scheduler,
            progress=bar,
        )


def _filtered(outcome: IngestOutcome, settings: DepositSettings) -> IngestOutcome:
    """Leave poor cells out of the versions that will list the store, where that is asked for."""
    if not settings.leave_out_poor_cells or outcome.entry is None:
        return outcome
    obs = read_obs(outcome.entry.url)
    chosen = quality_filter(obs)
    finding = chosen.finding(obs.index).to_json()
    report = {**outcome.report, "findings": [finding, *outcome.report["findings"]]}
    rows = write_ranges(np.flatnonzero(~chosen.keep))
    left_out = (LeftOut(reason="quality", rows=rows),) if chosen.n_dropped else ()
    return replace(outcome, report=report, entry=replace(outcome.entry, left_out=left_out))


def _refuse_breaches(found: Sequence[Finding]) -> None:
    """Refuse a deposit that breaks the standard that the user named."""
    breaches = [finding for finding in found if finding.severity == "error"]
    if breaches:
        raise SchemaError(
            expected="a deposit that keeps to the standard",
            found=f"{len(breaches)} breaches of it, the first: {breaches[0].message.rstrip('.')}",
            remedy="Mend them, or ingest without --schema.",
            rule="schema-breached",
            count=len(breaches),
            examples=[breach.rule for breach in breaches],
        )
