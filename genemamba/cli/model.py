"""``genemamba model``: which models there are and what made them."""

import click

from genemamba.catalog.records import ModelVersion
from genemamba.cli.output import json_option, print_json, print_table
from genemamba.cli.session import open_catalog
from genemamba.provenance import Json


@click.group(short_help="List model versions and show one.")
def model() -> None:
    """List model versions and show one."""


@model.command("list")
@json_option
def list_models(*, as_json: bool) -> None:
    """List the model versions of this catalog."""
    with open_catalog() as catalog:
        versions = catalog.models()
    if as_json:
        print_json({"models": [_document(version) for version in versions]})
        return
    print_table(
        ["model", "preset", "parameters", "steps", "final loss", "made"],
        [
            [
                version.ref,
                version.artifact.facets["preset"],
                version.artifact.facets["n_parameters"],
                version.artifact.facets["steps"],
                version.artifact.facets["final_loss"],
                f"{version.created_at:%Y-%m-%d %H:%M}",
            ]
            for version in versions
        ],
    )


@model.command("show")
@click.argument("ref")
@json_option
def show_model(ref: str, *, as_json: bool) -> None:
    """Show one model version, such as lung-small@2: its facts and where its files are."""
    with open_catalog() as catalog:
        document = _document(catalog.model(ref))
    if as_json:
        print_json(document)
        return
    print_table(["fact", "value"], [[key, str(value)] for key, value in document.items()])


def _document(version: ModelVersion) -> dict[str, Json]:
    return {
        "ref": version.ref,
        "digest": version.artifact.digest,
        "uri": version.artifact.uri,
        "run": version.run_id,
        "created_at": version.created_at.isoformat(),
        **version.artifact.facets,
    }
