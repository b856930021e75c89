"""``genemamba model``: which models there are, what made them, and files of one to pass on."""

from pathlib import Path
from typing import Final, get_args

import click

from genemamba.catalog.records import ModelVersion
from genemamba.cli.card import show_card
from genemamba.cli.main import entry_points, import_command
from genemamba.cli.output import json_option, print_json, print_table, print_text
from genemamba.cli.session import open_catalog
from genemamba.provenance import Json
from genemamba.training.published.form import Format

ENTRY_POINTS: Final = "genemamba.model_commands"
"""Entry-point group of the commands that make versions; they belong to the application."""


class ModelGroup(click.Group):
    """The commands here, which read, and those that join through entry points."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, sorted."""
        return sorted({*super().list_commands(ctx), *entry_points(ENTRY_POINTS)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return one command; None where there is no such command."""
        found = super().get_command(ctx, cmd_name)
        target = entry_points(ENTRY_POINTS).get(cmd_name) if found is None else None
        return import_command(cmd_name, target) if target else found


@click.group(cls=ModelGroup, short_help="List, show, import and export models.")
def model() -> None:
    """List model versions and show one; import published ones and export any."""


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
                version.artifact.facets.get("preset"),
                version.artifact.facets["n_parameters"],
                version.artifact.facets.get("steps"),
                version.artifact.facets.get("final_loss"),
                f"{version.created_at:%Y-%m-%d %H:%M}",
            ]
            for version in versions
        ],
    )


@model.command("show")
@click.argument("ref")
@click.option(
    "--card",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write the model card into this folder, as Markdown and as a page.",
)
@json_option
def show_model(ref: str, *, card: Path | None, as_json: bool) -> None:
    """Show what is on record for one model version, such as lung-small@2.

    Data, objective, losses, scores beside baselines, known limits, and where its files are.
    """
    with open_catalog() as catalog:
        document = _document(catalog.model(ref))
        if card is None and as_json:
            print_json(document)
            return
        from genemamba.report.model_card import gather_model_card

        gathered = gather_model_card(catalog, ref)
    written: list[str] = []
    if card:
        from genemamba.report.model_card_page import write_model_card

        written = [str(path.resolve()) for path in write_model_card(gathered, card)]
    if as_json:
        print_json({**document, "card": written})
        return
    show_card(gathered)
    for path in written:
        print_text(f"written: {path}")


@model.command("export")
@click.argument("ref")
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "format_name",
    type=click.Choice(get_args(Format)),
    help="Spelling of keys and configuration; by default that of the import, else original.",
)
@json_option
def export_model(ref: str, *, out: Path, format_name: Format | None, as_json: bool) -> None:
    """Write one model version, such as gm@1, to the folder OUT in the published format."""
    from genemamba.publishing import readable_folder
    from genemamba.training.checkpoint import load_checkpoint
    from genemamba.training.published.exporting import export_published

    with open_catalog() as catalog:
        version = catalog.model(ref)
    with readable_folder(version.artifact.uri) as folder:
        summary = export_published(load_checkpoint(folder), out, format=format_name)
    if as_json:
        print_json({"model": version.ref, **summary})
        return
    print_text(f"{summary['n_tensors']} tensors, {summary['format']}: {summary['out']}")


def _document(version: ModelVersion) -> dict[str, Json]:
    return {
        "ref": version.ref,
        "digest": version.artifact.digest,
        "uri": version.artifact.uri,
        "run": version.run_id,
        "created_at": version.created_at.isoformat(),
        **version.artifact.facets,
    }
