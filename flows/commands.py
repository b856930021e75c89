"""The flows as commands of ``genemamba``: options in, one summary out."""

import os
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

import click

from genemamba.catalog.recording import NAME_PATTERN
from genemamba.cli.output import json_option
from genemamba.config import load_settings
from genemamba.publishing import check_delivery
from genemamba.storage import is_local

if TYPE_CHECKING:
    from tasks.results import AtlasResult

QUIET_PREFECT: Final = {
    "DO_NOT_TRACK": "1",
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
}
"""What the embedded server needs to stay offline, silent and patient; the user's own wins."""

Option = str | int | float | bool | tuple[str, ...] | list[str] | None
"""Value of a command-line option."""

Command = TypeVar("Command", bound=Callable[..., Any])


def _options(*decorators: Callable[[Command], Command]) -> Callable[[Command], Command]:
    def apply(command: Command) -> Command:
        for decorate in reversed(decorators):
            command = decorate(command)
        return command

    return apply


def check_name(_context: click.Context, _parameter: click.Parameter, name: str) -> str:
    """Refuse a name that no atlas can have."""
    if not NAME_PATTERN.fullmatch(name):
        msg = f"Expected letters, digits, '_', '.' and '-', found {name!r}. Choose another name."
        raise click.BadParameter(msg)
    return name


def _check_version(context: click.Context, parameter: click.Parameter, ref: str) -> str:
    name, _, number = ref.rpartition("@")
    check_name(context, parameter, name if name and number.isdecimal() else ref)
    return ref


def _check_delivery(
    suffix: str,
) -> Callable[[click.Context, click.Parameter, str | None], str | None]:
    def check(_context: click.Context, _parameter: click.Parameter, out: str | None) -> str | None:
        if out:
            check_delivery(Path(out), suffix=suffix)
        return out

    return check


def _check_device(_context: click.Context, _parameter: click.Parameter, device: str) -> str:
    if device == "cpu":
        return device
    import torch

    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).partition("\n")[0]
        msg = f"Expected a device that works here, found {device!r} ({reason})."
        raise click.BadParameter(msg) from error
    return device


def _check_gene_sets(
    _context: click.Context, _parameter: click.Parameter, path: str | None
) -> str | None:
    from genemamba.errors import SourceError
    from genemamba.tokens.gmt import read_gmt

    try:
        return str(read_gmt(Path(path)).path) if path else None
    except SourceError as error:
        raise click.BadParameter(str(error)) from error


_atlas = click.option(
    "--atlas", required=True, metavar="NAME", callback=check_name, help="Name of the atlas."
)
_version = click.option(
    "--atlas",
    required=True,
    metavar="NAME[@NUMBER]",
    callback=_check_version,
    help="Name of the atlas, or one of its versions, such as lung@3.",
)
_seed = click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    default=0,
    show_default=True,
    help="Seed of everything random.",
)
_device = click.option(
    "--device",
    default="cpu",
    show_default=True,
    callback=_check_device,
    help="Torch device of training and embedding.",
)
_backend = click.option(
    "--backend",
    type=click.Choice(["torch", "torch-compile", "openvino", "mamba_ssm", "auto"]),
    default="torch",
    show_default=True,
    help="Program that runs the model; auto takes the fastest that there is.",
)
_precision = click.option(
    "--precision",
    type=click.Choice(["fp32", "bf16"]),
    default="fp32",
    show_default=True,
    help="Number format of the model; bf16 where the processor has it.",
)
_model = click.option("--model", metavar="REF", help="Model version, such as lung-small@2.")
_threshold = click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="Confidence below which a cell is called unknown.",
)
_max_cells = click.option(
    "--max-cells",
    type=click.IntRange(min=100),
    default=20_000,
    show_default=True,
    help="Score integration on a sample of at most so many cells.",
)
_deposit_options = _options(
    click.argument("sources", nargs=-1, required=True, metavar="SOURCE..."),
    click.option("--batch-key", metavar="COLUMN", help="obs column of the experimental batch."),
    click.option("--label-key", metavar="COLUMN", help="obs column of the author's cell type."),
    click.option(
        "--trusted-labels",
        metavar="COLUMN=VALUE[,VALUE...]",
        help="Learn from and score only the labels of cells with these values.",
    ),
    click.option("--layer", metavar="NAME", help="Matrix with the counts: X, raw or a layer."),
    click.option("--genome", metavar="NAME", help="The one genome to take of several."),
    click.option(
        "--hgnc",
        type=click.Path(exists=True, dir_okay=False),
        help="HGNC file: its previous and alias symbols are known, too.",
    ),
    click.option(
        "--doublets",
        type=click.Choice(["auto", "yes", "no"]),
        default="auto",
        show_default=True,
        help="Score doublets; auto does up to 30,000 cells a deposit.",
    ),
    click.option(
        "--schema",
        type=click.Choice(["cellxgene"]),
        help="Check deposits against this standard, too.",
    ),
    click.option(
        "--filter",
        "leave_out_poor_cells",
        is_flag=True,
        help="Leave outliers and predicted doublets out of the atlas version.",
    ),
    click.option(
        "--memory",
        default="2GiB",
        show_default=True,
        metavar="SIZE",
        help="Bound on the memory of ingest.",
    ),
)
_training_options = _options(
    click.option(
        "--preset",
        type=click.Choice(["tiny", "small", "base"]),
        default="small",
        show_default=True,
        help="Size of the model and length of its training.",
    ),
    click.option("--steps", type=click.IntRange(min=1), help="Training steps."),
)
_objective_options = _options(
    click.option(
        "--objective",
        type=click.Choice(["masked", "next_token_causal", "next_token_upstream"]),
        default="masked",
        show_default=True,
        help="What the model learns to do; next_token_upstream is the published one, which leaks.",
    ),
    click.option(
        "--gene-sets",
        type=click.Path(exists=True, dir_okay=False),
        metavar="FILE.gmt",
        callback=_check_gene_sets,
        help="Gene sets whose genes should have similar states, such as Reactome's pathways.",
    ),
    click.option(
        "--gene-set-weight",
        type=click.FloatRange(min=0),
        default=1.0,
        show_default=True,
        help="Weight of that aim, beside naming genes.",
    ),
    click.option(
        "--value-tokens",
        is_flag=True,
        help="Tell the model how strongly a cell expresses each gene, beside its rank.",
    ),
)


@click.command(short_help="Ingest, train, annotate, evaluate, report: the main job.")
@_deposit_options
@_atlas
@_training_options
@_model
@_threshold
@_max_cells
@_seed
@_device
@json_option
def run(*, as_json: bool, **options: Option) -> None:
    """Turn deposits into an annotated, scored and recorded atlas version.

    SOURCE is a path or URL of an h5ad, a CSV or TSV of counts, or an AnnData Zarr. Labels
    are learnt from the deposits that have the label key; every cell gets one. The same
    command on the same input does nothing twice.
    """
    _embed_prefect()
    from flows.process_atlas import process_atlas

    _finish(process_atlas, _settled(options), as_json=as_json)


@click.command(short_help="Add deposits to an atlas.")
@_deposit_options
@_atlas
@click.option("--dry-run", is_flag=True, help="Validate and show the plan; write nothing.")
@json_option
def ingest(*, as_json: bool, dry_run: bool, **options: Option) -> None:
    """Validate and harmonise deposits and write each as one immutable Zarr store."""
    _embed_prefect(writes=not dry_run)
    from flows.ingest_deposit import ingest_deposit, inspect_deposit

    flow = inspect_deposit if dry_run else ingest_deposit
    _finish(flow, _settled(options), as_json=as_json)


@click.command(short_help="Train GeneMamba on an atlas.")
@_version
@_training_options
@_objective_options
@_seed
@_device
@json_option
def pretrain(*, as_json: bool, **options: Option) -> None:
    """Train GeneMamba on every cell of an atlas, without a look at its labels."""
    _embed_prefect()
    from flows.pretrain_model import pretrain_model

    _finish(pretrain_model, options, as_json=as_json)


@click.command(short_help="Embed every cell of an atlas, and its genes.")
@_version
@_model
@click.option(
    "--out",
    metavar="PATH.zarr",
    callback=_check_delivery(".zarr"),
    help="Copy the cells' embedding to this path.",
)
@click.option(
    "--genes",
    metavar="PATH.tsv.gz",
    callback=_check_delivery(".tsv.gz"),
    help="Write the genes' embedding as a table to this path.",
)
@click.option(
    "--gene-states",
    type=click.Choice(["input", "cells"]),
    default="input",
    show_default=True,
    help="The model's own table, or the mean of each gene's states in the cells.",
)
@_backend
@_precision
@_device
@json_option
def embed(*, as_json: bool, **options: Option) -> None:
    """Write the embedding of every cell of an atlas as an AnnData Zarr.

    Cells are read and written shard by shard, so that any number of them fits in memory. A
    command that was killed goes on with the shards that are missing. The embedding is kept in
    the home, where annotate finds it.
    """
    _embed_prefect()
    from flows.embed_atlas import embed_atlas

    _finish(embed_atlas, options, as_json=as_json)


@click.command(short_help="Embed and label every cell of an atlas.")
@_version
@_model
@_threshold
@_seed
@_backend
@_precision
@_device
@json_option
def annotate(*, as_json: bool, **options: Option) -> None:
    """Write embedding, label and confidence of every cell of an atlas."""
    _embed_prefect()
    from flows.annotate_atlas import annotate_atlas

    _finish(annotate_atlas, options, as_json=as_json)


@click.command(short_help="Score an annotation beside baselines and controls.")
@_version
@_model
@_max_cells
@_seed
@json_option
def evaluate(*, as_json: bool, **options: Option) -> None:
    """Score integration and annotation, enter the numbers in the history, write the report."""
    _embed_prefect()
    from flows.evaluate_atlas import evaluate_atlas

    _finish(evaluate_atlas, options, as_json=as_json)


def _settled(options: Mapping[str, Option]) -> dict[str, Any]:
    """Gather what concerns deposits into settings, which the flows take as one."""
    from tasks.settings import DepositSettings

    names = {field.name for field in fields(DepositSettings)}
    settings = DepositSettings(**{name: options[name] for name in names})
    kept = {name: value for name, value in options.items() if name not in names}
    return {**kept, "sources": list(options["sources"]), "settings": settings}


def _embed_prefect(*, writes: bool = True) -> None:
    """Set up the embedded server, and find out about an unwritable home before it starts."""
    settings = load_settings()
    for name, value in QUIET_PREFECT.items():
        os.environ.setdefault(name, value)
    if writes:
        from tasks.workspace import Workspace

        Workspace.from_settings(settings).prepare()
        if is_local(settings.home):
            os.environ.setdefault("PREFECT_HOME", str(Path(settings.home) / "prefect"))


def _finish(
    flow: Callable[..., "AtlasResult"], options: Mapping[str, Option], *, as_json: bool
) -> NoReturn:
    from tasks.outcomes import RefusedError
    from tasks.results import AtlasResult, show_result

    try:
        result = flow(**options)
    except RefusedError as refused:
        result = AtlasResult(atlas=options["atlas"], outcomes=refused.outcomes)
    raise SystemExit(show_result(result, as_json=as_json))
