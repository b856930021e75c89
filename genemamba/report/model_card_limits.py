"""What has to be known against a model before it is used."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from genemamba.report.model_card_data import CardData
from genemamba.training.checkpoint_record import CheckpointRecord

NO_LICENCE: Final = "not on record"
"""Where nothing says under which terms a deposit may be used."""


def data_limits(data: CardData | None, record: CheckpointRecord | None) -> Iterator[str]:
    """Say what the model has not seen.

    Parameters
    ----------
    data
        What it was trained on; None where that is not on record.
    record
        What its files say; None where they are not where they were.
    """
    yield "Human genes only: cells of another species are refused at ingest."
    if record is None:
        yield "Its files are not where they were: settings and loss curve are missing here."
    else:
        yield f"It knows {record.n_genes:,} genes; counts of any other gene are not read."
    if data is None:
        yield "What it was trained on is not on record."
        return
    if any(store.licence == NO_LICENCE for store in data.stores):
        yield (
            "Some deposits that it was trained on do not say under which licence: see their sources."
        )
    if record:
        yield from _course_limits(data, record)


def _course_limits(data: CardData, record: CheckpointRecord) -> Iterator[str]:
    training = record.training
    if seqlen := training.get("seqlen"):
        yield f"It reads the {seqlen:,} genes of a cell that rank highest, and no others."
    n_read = len(record.steps) * training.get("minibatch_size", 0)
    n_read *= training.get("accumulation_steps", 1)
    if n_read and data.n_obs:
        times = n_read / data.n_obs
        yield (
            f"In training it read {n_read:,} cells, each of the {data.n_obs:,} of {data.atlas}"
            f" {times:.2g} times on average; it has seen no other cell."
        )


def finding_limits(findings: tuple[Mapping[str, Any], ...]) -> Iterator[str]:
    """Repeat what was found when the model was made.

    Parameters
    ----------
    findings
        As `genemamba.findings.Finding.to_json` has them.
    """
    for finding in findings:
        yield " ".join(filter(None, [finding["message"], finding.get("remedy")]))


def score_limits(
    *, scored_on: tuple[str, ...], data: CardData | None, saw_labels: bool
) -> Iterator[str]:
    """Say what its scores do not tell.

    Parameters
    ----------
    scored_on
        Atlas versions on which numbers are on record.
    data
        What it was trained on.
    saw_labels
        Whether labels shaped its weights.
    """
    if not scored_on:
        yield "No evaluation is on record: nothing is known of how well it does."
    if data and data.atlas in scored_on:
        yield (
            f"The scores on {data.atlas} are of cells that it was trained on,"
            f" {'some' if saw_labels else 'without their labels'}."
        )
    if saw_labels:
        yield "Labels shaped its embedding: compare it with supervised methods only."
