"""A table of cells with their labels, CSV or TSV, gzipped or not, as a person writes it."""

import csv
import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from genemamba.atlas.sources.gzip_files import open_maybe_gzip
from genemamba.errors import SourceError
from genemamba.findings import MAX_EXAMPLES

LABEL: Final = "label"
"""Column with the type of each cell."""

BY_ID: Final = ("cell_id",)
"""Column that names a cell in the atlas."""

BY_NAME: Final = ("deposit", "obs_name")
"""Columns that name a cell as its deposit does."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelFile:
    """What a file says, row by row."""

    name: str
    """Of the file."""
    digest: str
    """``sha256:`` of its bytes."""
    size_bytes: int
    """Of the file as it lies there."""
    cell_columns: tuple[str, ...]
    """`BY_ID` or `BY_NAME`."""
    cells: tuple[tuple[str, ...], ...]
    """Values of these columns, a row each."""
    labels: tuple[str, ...]
    """Label of each row."""


def read_label_file(path: Path) -> LabelFile:
    """Read the rows of a file; blanks around values do not count.

    Parameters
    ----------
    path
        CSV or TSV with a header: ``cell_id`` (or ``deposit`` and ``obs_name``) and ``label``.
        Other columns are not read.

    Raises
    ------
    SourceError
        It is no such table, has no row, or a row lacks a value.
    """
    with open_maybe_gzip(path, refused=lambda found: _refused(path, found)) as stream:
        content = stream.read()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _refused(path, f"bytes that are not UTF-8 ({error})") from error
    header, rows = _rows(path, text)
    columns = _cell_columns(path, header)
    wanted = [header.index(name) for name in (*columns, LABEL)]
    values = [tuple(row[i].strip() for i in wanted) for row in rows]
    raw = path.read_bytes()
    return LabelFile(
        name=path.name,
        digest=f"sha256:{hashlib.sha256(raw).hexdigest()}",
        size_bytes=len(raw),
        cell_columns=columns,
        cells=tuple(value[:-1] for value in values),
        labels=tuple(value[-1] for value in values),
    )


def _rows(path: Path, text: str) -> tuple[list[str], list[list[str]]]:
    """Cut a text into its header and its rows, each as wide as the header and without a gap."""
    lines = io.StringIO(text, newline="")
    first = text.partition("\n")[0]
    reader = csv.reader(lines, delimiter="\t" if "\t" in first else ",", strict=True)
    try:
        numbered = [(reader.line_num, row) for row in reader if any(map(str.strip, row))]
    except csv.Error as error:
        raise _refused(path, f"a broken row after line {reader.line_num} ({error})") from error
    if not numbered:
        raise _refused(path, "an empty file")
    header = [name.strip() for name in numbered[0][1]]
    if len(numbered) == 1:
        raise _refused(path, "a header without a row")
    torn = [line for line, row in numbered[1:] if len(row) != len(header)]
    if torn:
        raise _refused(path, f"{len(torn)} rows of another width: {_lines(torn)}", torn)
    _check_gaps(path, header, numbered[1:])
    return header, [row for _, row in numbered[1:]]


def _check_gaps(path: Path, header: list[str], rows: list[tuple[int, list[str]]]) -> None:
    named = [header.index(name) for name in (*_cell_columns(path, header), LABEL)]
    gaps = [line for line, row in rows if not all(row[i].strip() for i in named)]
    if gaps:
        raise _refused(path, f"{len(gaps)} rows without a cell or a label: {_lines(gaps)}", gaps)


def _cell_columns(path: Path, header: list[str]) -> tuple[str, ...]:
    doubled = [name for name in (*BY_ID, *BY_NAME, LABEL) if header.count(name) > 1]
    for columns in (BY_ID, BY_NAME):
        if {*columns, LABEL} <= set(header) and not doubled:
            return columns
    shown = ", ".join(map(repr, header[:10]))
    raise _refused(path, f"the columns {shown}")


def _lines(numbers: list[int]) -> str:
    return "line " + ", ".join(map(str, numbers[:MAX_EXAMPLES]))


def _refused(path: Path, found: str, lines: list[int] | None = None) -> SourceError:
    return SourceError(
        expected=f"a CSV or TSV with the columns 'cell_id' (or 'deposit' and 'obs_name') and "
        f"'label' in {path}",
        found=found,
        remedy="Give one row per labelled cell; `genemamba export` writes the cell ids.",
        rule="labels-file",
        count=len(lines or [0]),
        examples=[str(line) for line in (lines or [])[:MAX_EXAMPLES]],
    )
