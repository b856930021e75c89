"""The table of symbols that the HUGO Gene Nomenclature Committee (HGNC) publishes."""

import csv
import gzip
import hashlib
import io
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from genemamba.errors import SourceError

COLUMNS: Final = ("symbol", "prev_symbol", "alias_symbol", "ensembl_gene_id")
"""Columns that are read, of ``hgnc_complete_set.txt``; several symbols are joined by ``|``."""

APPROVED: Final = "Approved"
"""``status`` of the rows that are genes; the others are withdrawn."""


class HgncGene(NamedTuple):
    """One gene of the table."""

    symbol: str
    """Approved symbol."""
    previous: tuple[str, ...]
    """Symbols that were approved before."""
    aliases: tuple[str, ...]
    """Other names in use."""
    ensembl_id: str
    """Empty where HGNC gives none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HgncTable:
    """All approved genes of a file, and which file it was."""

    genes: tuple[HgncGene, ...]
    """In the order of the file."""
    name: str
    """Name of the file."""
    sha256: str
    """64 hex digits over the text, without compression."""


def read_hgnc(path: Path) -> HgncTable:
    """Read an HGNC file, tab-separated, gzipped or not.

    Parameters
    ----------
    path
        ``hgnc_complete_set.txt`` from https://www.genenames.org/download/, or a table with at
        least `COLUMNS`.

    Raises
    ------
    SourceError
        The file cannot be read, is no text, or lacks columns or genes.
    """
    content = _content(path)
    try:
        reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig")), delimiter="\t")
        missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
        if missing:
            raise _refused(path, f"no column {', '.join(missing)}")
        genes = tuple(
            HgncGene(row["symbol"], _several(row, "prev_symbol"), _several(row, "alias_symbol"),
                     row["ensembl_gene_id"] or "")
            for row in reader
            if row["symbol"] and row.get("status", APPROVED) == APPROVED
        )  # fmt: skip
    except UnicodeDecodeError as error:
        raise _refused(path, "bytes that are no text") from error
    except csv.Error as error:
        raise _refused(path, f"a line that cannot be split ({error})") from error
    if not genes:
        raise _refused(path, "no approved gene")
    return HgncTable(genes=genes, name=path.name, sha256=hashlib.sha256(content).hexdigest())


def _content(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _refused(path, f"a damaged gzip stream ({error})") from error
    except OSError as error:
        raise _refused(path, f"one that cannot be read ({error.strerror})") from error


def _several(row: dict[str, str], column: str) -> tuple[str, ...]:
    symbols = (symbol.strip() for symbol in (row[column] or "").split("|"))
    return tuple(symbol for symbol in symbols if symbol)


def _refused(path: Path, found: str) -> SourceError:
    return SourceError(
        expected=f"{path} to be HGNC's table of genes, tab-separated, with the columns "
        f"{', '.join(COLUMNS)}",
        found=found,
        remedy="Download hgnc_complete_set.txt from https://www.genenames.org/download/.",
        rule="hgnc-unreadable",
    )
