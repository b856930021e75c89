"""``genemamba atlas``: which atlases there are and what their versions hold."""

import click

from genemamba.catalog.records import DatasetVersion
from genemamba.cli.output import json_option, print_json, print_table, print_text
from genemamba.cli.session import open_catalog
from genemamba.provenance import Json


@click.group(short_help="List atlases and show their versions.")
def atlas() -> None:
    """List atlases and show their versions."""


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
@click.argument("name")
@json_option
def show_atlas(name: str, *, as_json: bool) -> None:
    """Show the versions of an atlas and the stores of its newest one."""
    from genemamba.atlas.versions import read_manifest

    with open_catalog() as catalog:
        versions = catalog.atlas_versions(name)
    manifest = read_manifest(versions[-1].artifact.uri)
    stores: list[Json] = [
        {
            "name": entry.name,
            "n_obs": entry.n_obs,
            "n_vars": entry.n_vars,
            "digest": entry.digest,
            "deposit_sha256": entry.deposit_sha256,
            "url": entry.url,
        }
        for entry in manifest.stores
    ]
    if as_json:
        print_json(
            {
                "atlas": name,
                "versions": [_version_document(version) for version in versions],
                "stores": stores,
            }
        )
        return
    print_table(["version", "cells", "stores", "made"], [_version_row(v) for v in versions])
    print_text("")
    print_table(
        ["store", "cells", "genes", "deposit", "where"],
        [
            [entry.name, entry.n_obs, entry.n_vars, entry.deposit_sha256[:12], entry.url]
            for entry in manifest.stores
        ],
    )


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
