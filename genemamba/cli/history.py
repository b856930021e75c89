"""``genemamba history``: how every number of an atlas moved."""

import dataclasses

import click

from genemamba.catalog.records import MetricRecord
from genemamba.cli.output import json_option, print_json, print_table
from genemamba.cli.session import open_catalog
from genemamba.provenance import Json


@click.command(short_help="Show how the metrics of an atlas moved.")
@click.option("--atlas", required=True, metavar="NAME", help="Name of the atlas.")
@click.option("--metric", metavar="NAME", help="Only this metric, such as macro_f1.")
@click.option("--subject", metavar="NAME", help="Only this embedding or method.")
@json_option
def history(*, atlas: str, metric: str | None, subject: str | None, as_json: bool) -> None:
    """Show each recorded number of an atlas with what made it, oldest first."""
    with open_catalog() as catalog:
        records = catalog.history(atlas, metric=metric, subject=subject)
    if as_json:
        print_json({"metrics": [_document(record) for record in records]})
        return
    columns = ["at", "atlas", "model", "subject", "metric", "value", "95 % interval", "cells"]
    print_table(
        [*columns, "implementation", "run"],
        [
            [
                f"{record.at:%Y-%m-%d %H:%M}",
                record.atlas_version,
                record.model_version,
                record.subject,
                record.name,
                record.value,
                _interval(record),
                record.n,
                record.implementation,
                record.run_id[:8],
            ]
            for record in records
        ],
    )


def _interval(record: MetricRecord) -> str | None:
    if record.ci_low is None or record.ci_high is None:
        return None
    return f"{record.ci_low:.3f} to {record.ci_high:.3f}"


def _document(record: MetricRecord) -> dict[str, Json]:
    document: dict[str, Json] = dataclasses.asdict(record)
    return document | {"at": record.at.isoformat()}
