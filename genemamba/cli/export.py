"""``genemamba export``: one AnnData with counts, embedding and labels."""

from pathlib import Path

import click

from genemamba.cli.output import json_option, print_json, print_text
from genemamba.cli.session import open_catalog
from genemamba.provenance import Json


@click.command(short_help="Write one AnnData with counts, embedding and labels.")
@click.option("--atlas", required=True, metavar="NAME", help="Name of the atlas.")
@click.argument("out", type=click.Path(path_type=Path))
@json_option
def export(*, atlas: str, out: Path, as_json: bool) -> None:
    """Write the atlas's newest annotation with its counts to OUT (.h5ad or .zarr)."""
    from genemamba.atlas.versions.manifests import read_manifest
    from genemamba.atlas.versions.view import AtlasView
    from genemamba.inference.atlas import read_annotation
    from genemamba.inference.export import export_annotation

    with open_catalog() as catalog:
        newest = catalog.dataset_versions("annotation", atlas)[-1]
        run = catalog.run(newest.run_id)
    (manifest,) = (edge.artifact for edge in run.inputs if edge.role == "atlas")
    provenance: dict[str, Json] = {
        "annotation": newest.artifact.digest,
        "run": run.id,
        "inputs": {edge.role: edge.artifact.digest for edge in run.inputs},
        "code": run.code.git_commit or run.code.package_version,
    }
    summary = export_annotation(
        AtlasView.open(read_manifest(manifest.uri)),
        read_annotation(newest.artifact.uri),
        out,
        provenance=provenance,
    )
    if as_json:
        print_json(summary)
        return
    print_text(f"{summary['n_obs']} cells x {summary['n_vars']} genes: {summary['out']}")
