"""Add deposits to an atlas, as its next version."""

from typing import Final

from prefect import flow

from tasks.atlas import compose_version
from tasks.deposits import describe_deposits
from tasks.ingest import ingest_source, inspect_source
from tasks.outcomes import keep_accepted
from tasks.results import AtlasResult
from tasks.settings import DepositSettings
from tasks.workspace import open_workspace

DEFAULTS: Final = DepositSettings()
"""What holds where nothing else is said."""


@flow(name="ingest-deposit")
def ingest_deposit(
    sources: list[str],
    atlas: str,
    settings: DepositSettings = DEFAULTS,
) -> AtlasResult:
    """Turn deposits into stores and compose the atlas version that holds them.

    Parameters
    ----------
    sources
        Paths or URLs of the deposits.
    atlas
        Name of the atlas; its newest version is extended.
    settings
        How the deposits are read, labelled, checked and filtered.
    """
    workspace = open_workspace()
    deposits = describe_deposits(sources, settings)
    outcomes = [ingest_source(workspace, atlas, deposit, settings) for deposit in deposits]
    version = compose_version(workspace, atlas, keep_accepted(outcomes))
    return AtlasResult.gather(atlas=atlas, outcomes=outcomes, version=version)


@flow(name="inspect-deposit")
def inspect_deposit(
    sources: list[str],
    atlas: str,
    settings: DepositSettings = DEFAULTS,
) -> AtlasResult:
    """Validate deposits as `ingest_deposit` does and say what it would write; write nothing.

    Parameters
    ----------
    sources, atlas, settings
        As for `ingest_deposit`.
    """
    deposits = describe_deposits(sources, settings)
    return AtlasResult.gather(
        atlas=atlas, outcomes=[inspect_source(deposit, settings) for deposit in deposits]
    )
