"""``genemamba model import``: a published checkpoint on record, without an orchestrator."""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from flows.command_runs import QUIET_PREFECT
from flows.options.common import check_name
from genemamba.cli.output import json_option, print_json, print_table, print_text
from genemamba.config import load_settings
from genemamba.nn.config import Fusion, Padding

if TYPE_CHECKING:
    from tasks.stages import StageRef


def _check_given_name(
    context: click.Context, parameter: click.Parameter, name: str | None
) -> str | None:
    return None if name is None else check_name(context, parameter, name)


@click.command("import", short_help="Import a published checkpoint.")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--name", callback=_check_given_name, help="Of the model; by default that of PATH.")
@click.option(
    "--vocabulary",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="TSV of ensembl_id, token_id, median_nonzero, where the checkpoint has none.",
)
@click.option(
    "--fusion",
    type=click.Choice(get_args(Fusion)),
    help="How directions are fused; by default as config.json says.",
)
@click.option(
    "--padding",
    type=click.Choice(get_args(Padding)),
    default="upstream",
    show_default=True,
    help="Read padding as published, or embed each cell alone.",
)
@click.option(
    "--seqlen",
    type=click.IntRange(min=1),
    help="Tokens kept of a cell; by default as config.json says, or 2048.",
)
@json_option
def import_model(
    *,
    path: Path,
    name: str | None,
    vocabulary: Path | None,
    fusion: Fusion | None,
    padding: Padding,
    seqlen: int | None,
    as_json: bool,
) -> None:
    """Check the published checkpoint at PATH and make it a model version.

    PATH is a folder with weights, config.json and tokenizer.json, of the original or of the Hugging
    Face kind, or the weights alone. Every tensor and token must be the one that it should be.
    """
    for variable, value in QUIET_PREFECT.items():
        # The tasks import Prefect, though no server is started.
        os.environ.setdefault(variable, value)
    from genemamba.training.published.importing import ImportOptions
    from tasks.model_card import write_card_now
    from tasks.published import import_model as import_on_record
    from tasks.workspace import Workspace

    workspace = Workspace.from_settings(load_settings())
    workspace.prepare()
    options = ImportOptions(fusion=fusion, padding=padding, seqlen=seqlen)
    stage = import_on_record(
        workspace, path, options, name=name or _name_of(path), vocabulary=vocabulary
    )
    _show(stage, write_card_now(workspace, stage), as_json=as_json)


def _name_of(path: Path) -> str:
    """Name a model after its folder, or after a file that is not called as all are."""
    path = path.resolve()
    stem = path.stem if path.is_file() else path.name
    named = path.parent.name if stem in ("model", "pytorch_model") else stem
    return re.sub(r"[^\w.-]+", "_", named).lstrip(".-") or "published"


def _show(stage: "StageRef", card: "StageRef", *, as_json: bool) -> None:
    facets = dict(stage.artifact.facets)
    if as_json:
        print_json(
            {
                "model": stage.label,
                "digest": stage.artifact.digest,
                "uri": stage.artifact.uri,
                "run": stage.run_id,
                "reused": stage.reused,
                "model_card": card.artifact.uri,
                **facets,
            }
        )
        return
    findings = facets.pop("findings")
    print_table(["fact", "value"], [[name, str(value)] for name, value in facets.items()])
    if findings:
        print_text("")
        print_table(
            ["", "rule", "what was found"],
            [
                [f["severity"], f["rule"], " ".join(filter(None, [f["message"], f["remedy"]]))]
                for f in findings
            ],
        )
    found = " (found, done before)" if stage.reused else ""
    print_text(f"\nmodel card: {card.artifact.uri}")
    print_text(f"model: {stage.label}{found}")
