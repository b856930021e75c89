"""``genemamba lineage``: what made something, or what it touched."""

import dataclasses
from pathlib import Path

import click

from genemamba.catalog.graph import ArtifactNode, Lineage, RunNode
from genemamba.cli.output import json_option, print_json, print_table, print_text
from genemamba.cli.session import open_catalog
from genemamba.provenance import Json
from genemamba.storage import split_url, tree_manifest


@click.command(short_help="Show what made something, or what it touched.")
@click.argument("ref")
@click.option("--downstream", is_flag=True, help="Show what came of it instead.")
@json_option
def lineage(ref: str, *, downstream: bool, as_json: bool) -> None:
    """Show the runs and artifacts behind REF, or with --downstream those after it.

    REF is a file or folder (recognised by its content, wherever it lies), a digest or its
    first digits, a run, an atlas version such as lung@3 or a model version.
    """
    digest = tree_manifest(ref).digest if Path(ref).exists() else None
    known = split_url(ref)[1] if digest else ref
    with open_catalog() as catalog:
        found = catalog.lineage(known, digest=digest, downstream=downstream)
    if as_json:
        print_json(_document(found))
        return
    _show(found)


def _show(found: Lineage) -> None:
    artifacts = [node for node in found.nodes if isinstance(node, ArtifactNode)]
    runs = [node for node in found.nodes if isinstance(node, RunNode)]
    print_table(
        ["artifact", "kind", "known as", "where"],
        [
            [_short(n.artifact.digest), n.artifact.kind, ", ".join(n.refs), n.artifact.uri]
            for n in artifacts
        ],
    )
    print_text("")
    print_table(
        ["run", "stage", "started", "code", "seed", "read", "made"],
        [
            [
                run.id[:8],
                run.stage,
                f"{run.started_at:%Y-%m-%d %H:%M:%S}",
                (run.code.git_commit or run.code.package_version)[:12],
                run.seed,
                _ends(found, run, "in"),
                _ends(found, run, "out"),
            ]
            for run in runs
        ],
    )


def _ends(found: Lineage, run: RunNode, direction: str) -> str:
    return ", ".join(
        f"{edge.role} {_short(edge.digest)}"
        for edge in found.edges
        if edge.run_id == run.id and edge.direction == direction
    )


def _short(digest: str) -> str:
    return digest.removeprefix("sha256:")[:12]


def _document(found: Lineage) -> dict[str, Json]:
    return {
        "root": _node_document(found.root),
        "nodes": [_node_document(node) for node in found.nodes],
        "edges": [edge._asdict() for edge in found.edges],
    }


def _node_document(node: ArtifactNode | RunNode) -> dict[str, Json]:
    if isinstance(node, RunNode):
        times = {
            "started_at": node.started_at.isoformat(),
            "ended_at": node.ended_at.isoformat() if node.ended_at else None,
        }
        return {"node": "run"} | dataclasses.asdict(node) | times
    artifact = dataclasses.asdict(node.artifact)
    artifact |= {"created_at": node.artifact.created_at.isoformat()}
    return {"node": "artifact", "refs": list(node.refs), **artifact}
