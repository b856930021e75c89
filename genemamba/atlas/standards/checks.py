"""Checks of a deposit against itself and against a published standard."""

from pathlib import Path
from typing import Literal

from genemamba.atlas.sources.anndata_files import AnnDataSource
from genemamba.atlas.sources.formats import recognise_format
from genemamba.atlas.standards.contradictions import compare_x_and_raw
from genemamba.errors import CountsError
from genemamba.findings import Finding

Standard = Literal["cellxgene"]
"""Standards that are known."""


def check_standard(path: Path, standard: Standard | None) -> list[Finding]:
    """Check a deposit against a standard; none where none is named.

    Parameters
    ----------
    path
        Local h5ad file, or AnnData Zarr folder.
    standard
        Its name.

    Raises
    ------
    InputError
        A library that the check needs is missing.
    """
    if standard is None:
        return []
    from genemamba.atlas.standards.cellxgene.check import check_cellxgene

    return check_cellxgene(path)


def find_contradictions(path: Path, *, scratch: Path) -> tuple[Finding, ...]:
    """Compare the matrices of an AnnData deposit, where it has several.

    Parameters
    ----------
    path
        A deposit of any format.
    scratch
        Folder for matrices that must be turned round.

    Raises
    ------
    CountsError
        They are not of the same cells and genes.
    """
    if not isinstance(recognise_format(path), AnnDataSource):
        return ()
    found = tuple(compare_x_and_raw(path, scratch=scratch))
    for finding in found:
        if finding.severity == "error":
            raise CountsError(
                expected="X and raw counts of the same cells and genes",
                found=finding.message.rstrip("."),
                remedy=finding.remedy,
                rule=finding.rule,
                count=finding.count,
                examples=finding.examples,
            )
    return found
