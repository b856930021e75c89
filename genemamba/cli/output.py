"""What commands print: one JSON document or tables on stdout, everything else on stderr."""

import json
import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from genemamba.errors import GeneMambaError, InputError
from genemamba.provenance import Json

NO_WRAP_WIDTH: Final = 100_000
"""Signs in a line of a file or pipe; rows longer than any path are not expected."""

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document and nothing else."
)
"""Shared by every command."""


def print_json(document: Json) -> None:
    """Print one JSON document on stdout; numbers that JSON lacks become null."""
    click.echo(json.dumps(_finite(document), indent=2, ensure_ascii=False))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], *, title: str = "") -> None:
    """Print a table on stdout, numbers to the right and three decimals for fractions.

    Parameters
    ----------
    columns
        Headings.
    rows
        Cells, one sequence per row; None is shown as a dash.
    title
        Printed above the table.
    """
    table = Table(
        title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold"
    )
    for index, column in enumerate(columns):
        numeric = any(isinstance(row[index], int | float) for row in rows)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        # As text: brackets in a path would else be taken for markup.
        table.add_row(*(Text(_text(value)) for value in row))
    console().print(table)


def print_text(text: str) -> None:
    """Print a line on stdout."""
    click.echo(text)


def print_note(text: str) -> None:
    """Print a line on stderr."""
    click.echo(text, err=True)


def console(*, stderr: bool = False) -> Console:
    """Return a console that never wraps paths when its output is not a terminal."""
    plain = Console(stderr=stderr)
    return plain if plain.is_terminal else Console(stderr=stderr, width=NO_WRAP_WIDTH)


def error_document(error: GeneMambaError) -> Mapping[str, Json]:
    """Describe an error as JSON: its kind and text, and for refused input its three parts."""
    document: dict[str, Json] = {"kind": type(error).__name__, "message": str(error)}
    if isinstance(error, InputError):
        document |= {"expected": error.expected, "found": error.found, "remedy": error.remedy}
    return document


def report_error(error: GeneMambaError) -> None:
    """Say on stderr what went wrong, and on stdout as JSON where that was asked for."""
    click.echo(f"genemamba: {error}", err=True)
    if json_was_asked():
        print_json({"error": error_document(error)})


def json_was_asked() -> bool:
    """Tell whether this process was started with ``--json``."""
    return "--json" in sys.argv


def _text(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _finite(value: Json) -> Json:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_finite(item) for item in value]
    return value
