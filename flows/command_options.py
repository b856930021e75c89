"""Options that several flow commands share, each checked before any work is begun."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from genemamba.catalog.recording import NAME_PATTERN
from genemamba.publishing import check_delivery

Command = TypeVar("Command", bound=Callable[..., Any])


def together(*decorators: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Make one decorator of several, listed as they are shown."""

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


def check_version(context: click.Context, parameter: click.Parameter, ref: str) -> str:
    """Refuse what names neither an atlas nor one of its versions."""
    name, _, number = ref.rpartition("@")
    check_name(context, parameter, name if name and number.isdecimal() else ref)
    return ref


def delivery_path(
    suffix: str,
) -> Callable[[click.Context, click.Parameter, str | None], str | None]:
    """Make a check that a result can be written to a path with this suffix."""

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


atlas_option = click.option(
    "--atlas", required=True, metavar="NAME", callback=check_name, help="Name of the atlas."
)
version_option = click.option(
    "--atlas",
    required=True,
    metavar="NAME[@NUMBER]",
    callback=check_version,
    help="Name of the atlas, or one of its versions, such as lung@3.",
)
seed_option = click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    default=0,
    show_default=True,
    help="Seed of everything random.",
)
device_option = click.option(
    "--device",
    default="cpu",
    show_default=True,
    callback=_check_device,
    help="Torch device of training and embedding.",
)
backend_option = click.option(
    "--backend",
    type=click.Choice(["torch", "torch-compile", "openvino", "mamba_ssm", "auto"]),
    default="torch",
    show_default=True,
    help="Program that runs the model; auto takes the fastest that there is.",
)
precision_option = click.option(
    "--precision",
    type=click.Choice(["fp32", "bf16"]),
    default="fp32",
    show_default=True,
    help="Number format of the model; bf16 where the processor has it.",
)
model_option = click.option("--model", metavar="REF", help="Model version, such as lung-small@2.")
threshold_option = click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="Confidence below which a cell is called unknown.",
)
max_cells_option = click.option(
    "--max-cells",
    type=click.IntRange(min=100),
    default=20_000,
    show_default=True,
    help="Score integration on a sample of at most so many cells.",
)
deposit_options = together(
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
training_options = together(
    click.option(
        "--preset",
        type=click.Choice(["tiny", "small", "base"]),
        default="small",
        show_default=True,
        help="Size of the model and length of its training.",
    ),
    click.option("--steps", type=click.IntRange(min=1), help="Training steps."),
)
objective_options = together(
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
course_options = together(
    precision_option,
    click.option(
        "--patience",
        type=click.IntRange(min=1),
        help="Stop after so many looks at the held-out loss, every 50 steps, without a better one.",
    ),
    click.option(
        "--accumulate",
        "accumulation_steps",
        type=click.IntRange(min=1),
        default=1,
        show_default=True,
        help="Minibatches whose gradients are averaged into one step.",
    ),
    click.option(
        "--micro-batch",
        "micro_batch_size",
        type=click.IntRange(min=1),
        help="Rows that go through the model at once: fewer take less memory, same result.",
    ),
    click.option(
        "--checkpoint-layers",
        is_flag=True,
        help="Compute states again for the gradient instead of keeping them: less memory.",
    ),
)
