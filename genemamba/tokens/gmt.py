"""GMT files: one gene set a line, as name, description and genes, with tabs in between.

The format is that of the Broad Institute's GSEA; MSigDB and Reactome publish theirs in it.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from genemamba.errors import SourceError


@dataclass(frozen=True, kw_only=True, slots=True)
class GmtFile:
    """What a GMT file says."""

    path: Path
    """Where it lies."""
    digest: str
    """``sha256:`` and 64 hex digits over its bytes."""
    sets: Mapping[str, tuple[str, ...]]
    """Name of each gene set to its genes, as written."""


def read_gmt(path: Path) -> GmtFile:
    """Read a GMT file.

    Parameters
    ----------
    path
        The file; empty lines, and empty fields at the end of a line, do not matter.

    Raises
    ------
    SourceError
        It cannot be read, has no gene set, or a line is none; the line's number is said.
    """
    try:
        content = path.read_bytes()
        text = content.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise _no_gmt(path, f"a file that cannot be read as text ({error})") from error
    sets: dict[str, tuple[str, ...]] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        name, *rest = (field.strip() for field in line.split("\t"))
        genes = tuple(filter(None, rest[1:]))
        if not name or not genes:
            raise _no_gmt(path, f"{1 + len(rest)} fields and {len(genes)} genes in line {number}")
        if name in sets:
            raise _no_gmt(path, f"the gene set {name!r} for the second time in line {number}")
        sets[name] = genes
    if not sets:
        raise _no_gmt(path, "no gene set")
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    return GmtFile(path=path, digest=digest, sets=sets)


def _no_gmt(path: Path, found: str) -> SourceError:
    return SourceError(
        expected=f"lines of a gene set's name, a description and genes, with tabs between, in {path}",
        found=found,
        remedy="Give a GMT file, such as those of MSigDB and Reactome.",
        rule="gene-sets-no-gmt",
    )
