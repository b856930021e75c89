"""Entry point: finds the commands, runs one, and turns errors into exit codes."""

import importlib
import importlib.metadata
import sys
from typing import Final

import click

import genemamba
from genemamba.cli.output import report_error
from genemamba.errors import GeneMambaError, InputError

LIBRARY_COMMANDS: Final = {
    "atlas": "genemamba.cli.atlas:atlas",
    "audit": "genemamba.cli.audit:audit",
    "doctor": "genemamba.cli.doctor:doctor",
    "export": "genemamba.cli.export:export",
    "history": "genemamba.cli.history:history",
    "lineage": "genemamba.cli.lineage:lineage",
    "model": "genemamba.cli.model:model",
    "ontology": "genemamba.cli.ontology:ontology",
}
"""Commands of the library; those of the flows join through entry points."""

ENTRY_POINTS: Final = "genemamba.commands"
"""Entry-point group through which other packages add commands."""

EXIT_FAILURE: Final = 1
"""The work failed."""

EXIT_REFUSED: Final = 2
"""The command line or its input was refused."""


class LazyGroup(click.Group):
    """A group that imports a command only when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, sorted."""
        return sorted({*LIBRARY_COMMANDS, *entry_points(ENTRY_POINTS)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command; None where there is no such command."""
        target = LIBRARY_COMMANDS.get(cmd_name) or entry_points(ENTRY_POINTS).get(cmd_name)
        return import_command(cmd_name, target) if target else None


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(genemamba.__version__, prog_name="genemamba")
def cli() -> None:
    """Ingest, embed, annotate and score atlases of single cells, and keep the record."""


def main() -> None:
    """Run the command line and exit: 0 success, 2 refused input or usage, 1 failure."""
    try:
        sys.exit(cli.main(standalone_mode=False))
    except click.Abort:
        click.echo("Stopped.", err=True)
        sys.exit(EXIT_FAILURE)
    except click.ClickException as error:
        error.show()
        sys.exit(EXIT_REFUSED)
    except InputError as error:
        report_error(error)
        sys.exit(EXIT_REFUSED)
    except GeneMambaError as error:
        report_error(error)
        sys.exit(EXIT_FAILURE)


def entry_points(group: str) -> dict[str, str]:
    """Return the commands that other packages add to a group, as ``module:name`` by name."""
    return {point.name: point.value for point in importlib.metadata.entry_points(group=group)}


def import_command(name: str, target: str) -> click.Command:
    """Import a command from ``module:name``, or return one that says what it lacks."""
    module, _, attribute = target.partition(":")
    try:
        command: click.Command = getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        return _absent_command(name, error)
    return command


def _absent_command(name: str, error: ModuleNotFoundError) -> click.Command:
    missing = (error.name or "").partition(".")[0]
    hint = {
        "flows": "It belongs to the application: clone the repository and run `make venv` there.",
        "tasks": "It belongs to the application: clone the repository and run `make venv` there.",
        "prefect": "Install the orchestrator: pip install 'genemamba-atlas[flows]'.",
    }
    if missing not in hint:
        raise error

    @click.command(
        name, help=f"(absent) {hint[missing]}", context_settings={"ignore_unknown_options": True}
    )
    @click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
    def absent(arguments: tuple[str, ...]) -> None:
        msg = f"`genemamba {name}` needs the module {missing}. {hint[missing]}"
        raise click.UsageError(msg)

    return absent
