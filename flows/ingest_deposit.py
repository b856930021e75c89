"""Add deposits to an atlas, as its next version."""

from prefect import flow

from tasks.atlas import compose_version
from tasks.deposits import describe_deposits
from tasks.ingest import ingest_source, inspect_source, keep_accepted
from tasks.results import AtlasResult
from tasks.workspace import open_workspace


@flow(name="ingest-deposit")
def ingest_deposit(
    sources: list[str],
    atlas: str,
    batch_key: str | None = None,
    label_key: str | None = None,
    trusted_labels: str | None = None,
) -> AtlasResult:
    """Turn deposits into stores and compose the atlas version that holds them.

    Parameters
    ----------
    sources
        Paths or URLs of the deposits.
    atlas
        Name of the atlas; its newest version is extended.
    batch_key, label_key
        Columns of ``obs`` with the experimental batch and the author's label.
    trusted_labels
        ``COLUMN=VALUE[,VALUE…]``: only labels of such cells count.
    """
    workspace = open_workspace()
    deposits = describe_deposits(
        sources, batch_key=batch_key, label_key=label_key, trusted_labels=trusted_labels
    )
    outcomes = [ingest_source(workspace, atlas, deposit) for deposit in deposits]
    version = compose_version(workspace, atlas, keep_accepted(outcomes))
    return AtlasResult.gather(atlas=atlas, outcomes=outcomes, version=version)


@flow(name="inspect-deposit")
def inspect_deposit(
    sources: list[str],
    atlas: str,
    batch_key: str | None = None,
    label_key: str | None = None,
    trusted_labels: str | None = None,
) -> AtlasResult:
    """Validate deposits as `ingest_deposit` does and say what it would write; write nothing.

    Parameters
    ----------
    sources, atlas, batch_key, label_key, trusted_labels
        As for `ingest_deposit`.
    """
    deposits = describe_deposits(
        sources, batch_key=batch_key, label_key=label_key, trusted_labels=trusted_labels
    )
    return AtlasResult.gather(
        atlas=atlas, outcomes=[inspect_source(deposit) for deposit in deposits]
    )
