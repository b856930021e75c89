"""``genemamba atlas``: which atlases there are, what their versions hold, and a file of one."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from genemamba.catalog.catalog import Catalog
from genemamba.catalog.records import DatasetVersion
from genemamba.cli.main import entry_points, import_command
from genemamba.cli.output import json_option, print_json, print_table, print_text
from genemamba.cli.session import open_catalog
from genemamba.provenance import Json

if TYPE_CHECKING:
    from genemamba.atlas.versions.manifests import StoreEntry

ENTRY_POINTS: Final = "genemamba.atlas_commands"
"""Entry-point group of the commands that make versions; they belong to the application."""


class AtlasGroup(click.Group):
    """The commands here, which read, and those that join through entry points."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, sorted."""
        return sorted({*super().list_commands(ctx), *entry_points(ENTRY_POINTS)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return one command; None where there is no such command."""
        found = super().get_command(ctx, cmd_name)
        target = entry_points(ENTRY_POINTS).get(cmd_name) if found is None else None
        return import_command(cmd_name, target) if target else found


@click.group(cls=AtlasGroup, short_help="List, show, change and export atlases.")
def atlas() -> None:
    """List atlases, show and export their versions, add stores and drop deposits."""


@atlas.command("list")
@json_option
def list_atlases(*, as_json: bool) -> None:
    """List the atlases of this catalog."""
    with open_catalog() as catalog:
        records = catalog.atlases()
    if as_json:
        print_json({"atlases": [_version_document(record.latest) for record in records]})
        return
    print_table(
        ["atlas", "newest", "cells", "stores", "made"],
        [[record.name, *_version_row(record.latest)] for record in records],
    )


@atlas.command("show")
@click.argument("name", metavar="NAME[@NUMBER]")
@json_option
def show_atlas(name: str, *, as_json: bool) -> None:
    """Show the versions of an atlas, and the stores of the newest or of one, such as lung@3."""
    from genemamba.atlas.versions.leaving_out import count_left_out
    from genemamba.atlas.versions.manifests import read_manifest

    with open_catalog() as catalog:
        versions, shown = _find(catalog, name)
    manifest = read_manifest(shown.artifact.uri)
    left_out = count_left_out(manifest)
    if as_json:
        print_json(
            {
                "atlas": shown.name,
                "versions": [_version_document(version) for version in versions],
                "shown": shown.ref,
                "n_obs": manifest.n_obs,
                "stores": [_store_document(entry) for entry in manifest.stores],
                "left_out": left_out,
                "dropped": [_store_document(entry) for entry in manifest.dropped],
            }
        )
        return
    print_table(["version", "cells", "stores", "made"], [_version_row(v) for v in versions])
    print_text("")
    print_table(
        ["store", "cells", "genes", "deposit", "where"],
        [_store_row(entry) for entry in manifest.stores],
        title=shown.ref,
    )
    if left_out:
        print_text("")
        print_table(["left out of", "cells", "reason", "kept by"], _left_out_rows(left_out))
    if manifest.dropped:
        print_text("")
        print_table(
            ["dropped", "cells", "genes", "deposit", "where"],
            [_store_row(entry) for entry in manifest.dropped],
        )


@atlas.command("export")
@click.argument("name", metavar="NAME[@NUMBER]")
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--join",
    type=click.Choice(["outer", "inner"]),
    default="outer",
    show_default=True,
    help="Genes that any store measured, or only those that all did.",
)
@json_option
def export_atlas(name: str, *, out: Path, join: str, as_json: bool) -> None:
    """Write the cells of an atlas version to OUT (.h5ad or .zarr), without a model."""
    from genemamba.atlas.versions.export import export_version
    from genemamba.atlas.versions.manifests import read_manifest

    with open_catalog() as catalog:
        version = catalog.dataset_version(name)
    summary = export_version(
        read_manifest(version.artifact.uri),
        out,
        label=version.ref,
        join="inner" if join == "inner" else "outer",
    )
    if as_json:
        print_json(summary)
        return
    print_text(f"{summary['n_obs']} cells x {summary['n_vars']} genes: {summary['out']}")


def _version_row(version: DatasetVersion) -> list[Json]:
    facets = version.artifact.facets
    return [version.ref, facets["n_obs"], facets["stores"], f"{version.created_at:%Y-%m-%d %H:%M}"]


def _version_document(version: DatasetVersion) -> Json:
    facets = version.artifact.facets
    return {
        "atlas": version.name,
        "version": version.version_no,
        "ref": version.ref,
        "digest": version.artifact.digest,
        "n_obs": facets["n_obs"],
        "stores": facets["stores"],
        "run": version.run_id,
        "created_at": version.created_at.isoformat(),
    }


def _find(catalog: Catalog, ref: str) -> tuple[list[DatasetVersion], DatasetVersion]:
    """Return all versions of an atlas, and the one that is meant."""
    name, _, number = ref.rpartition("@")
    if name and number.isdecimal():
        version = catalog.dataset_version(ref)
        return catalog.atlas_versions(version.name), version
    versions = catalog.atlas_versions(ref)
    return versions, versions[-1]


def _store_document(entry: "StoreEntry") -> dict[str, Json]:
    return {
        "name": entry.name,
        "position": entry.position,
        "n_obs": entry.n_obs,
        "n_kept": entry.n_kept,
        "n_vars": entry.n_vars,
        "digest": entry.digest,
        "deposit_sha256": entry.deposit_sha256,
        "url": entry.url,
    }


def _store_row(entry: "StoreEntry") -> list[Json]:
    return [entry.name, entry.n_obs, entry.n_vars, entry.deposit_sha256[:12], entry.url]


def _left_out_rows(left_out: Mapping[str, Mapping[str, Any]]) -> list[list[Json]]:
    rows: list[list[Json]] = []
    for name, counts in left_out.items():
        rows += [[name, n, "duplicate", keeper] for keeper, n in counts["kept_by"].items()]
        if counts["quality"]:
            rows.append([name, counts["quality"], "quality", None])
    return rows
