"""Options that most flow commands share, each checked before any work is begun."""

from collections.abc import Callable, Iterable, Mapping
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


def refuse_together(options: Mapping[str, object], name: str, others: Iterable[str]) -> None:
    """Refuse options that rule each other out, in whichever order they were given.

    Parameters
    ----------
    options
        As click gives them to a command.
    name, others
        The option, and those that it does not go with.

    Raises
    ------
    click.UsageError
        It was given together with one of them.
    """
    also = [f"--{other.replace('_', '-')}" for other in others if options[other]]
    if options[name] and also:
        msg = (
            f"Expected --{name.replace('_', '-')} without {' and '.join(also)}, found both."
            " Leave one of them out."
        )
        raise click.UsageError(msg)


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


def gene_sets_path(
    _context: click.Context, _parameter: click.Parameter, path: str | None
) -> str | None:
    """Refuse what is no GMT file."""
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
