"""The verdict on a deposit, and how it is put on record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from genemamba.atlas.versions.manifests import StoreEntry
from genemamba.catalog.values import Deposit
from genemamba.errors import InputError
from genemamba.fetching import FetchedFile
from genemamba.findings import Finding, refusal
from genemamba.provenance import Json
from tasks.deposits import DepositSpec
from tasks.stages import StageRef
from tasks.workspace import Workspace


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


def refused_outcome(
    deposit: DepositSpec, error: InputError, found: Sequence[Finding]
) -> IngestOutcome:
    """Return the verdict on a deposit that is refused for an error, after what was found of it."""
    report = {
        "kind": type(error).__name__,
        "expected": error.expected,
        "found": error.found,
        "remedy": error.remedy,
        "findings": [finding.to_json() for finding in (refusal(error), *found)],
    }
    return IngestOutcome(uri=deposit.uri, name=deposit.name, report=report, refused=True)


def with_findings(
    outcome: IngestOutcome, deposit: DepositSpec, found: Sequence[Finding]
) -> IngestOutcome:
    """Put what concerns this flow alone in front of what is on record with the store."""
    notes = [
        Finding(rule="deposit-settled", severity="note", message=f"{deposit.name} {note}.")
        for note in deposit.notes
    ]
    findings = [finding.to_json() for finding in (*found, *notes)]
    report = {**outcome.report, "findings": [*findings, *outcome.report["findings"]]}
    return replace(outcome, report=report)


def record_verdict(
    workspace: Workspace, outcome: IngestOutcome, fetched: FetchedFile | None
) -> None:
    """Put a verdict on record; nothing where the deposit's bytes were never seen."""
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
