"""Which files make up one deposit, told from their names: a matrix of 10x comes in three."""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

MATRIX_NAME: Final = re.compile(r"(?P<prefix>.*?)matrix\.mtx(\.gz)?", re.IGNORECASE)
"""``matrix.mtx``, possibly gzipped, and behind a prefix as GEO has it (``GSM1_lung_matrix.mtx``)."""

FEATURE_NAMES: Final = ("features.tsv", "genes.tsv")
"""The table of features, of Cell Ranger 3 and later, and of earlier ones."""

BARCODE_NAMES: Final = ("barcodes.tsv",)
"""The table of barcodes."""


class MtxMembers(NamedTuple):
    """Names of the files of one matrix; None where one is missing."""

    matrix: str
    """The entries."""
    features: str | None
    """The table of features."""
    barcodes: str | None
    """The table of barcodes."""


def matrix_names(names: Sequence[str]) -> list[str]:
    """Return the names that are those of a matrix in Matrix Market form, sorted."""
    return sorted(name for name in names if MATRIX_NAME.fullmatch(name))


def mtx_members(matrix: str, names: Sequence[str]) -> MtxMembers:
    """Find the tables that belong to a matrix among the files beside it.

    Parameters
    ----------
    matrix
        Name of a file that `MATRIX_NAME` describes.
    names
        All file names of its folder.
    """
    match = MATRIX_NAME.fullmatch(matrix)
    prefix = match["prefix"] if match else ""
    gzipped = matrix.lower().endswith(".gz")
    endings = (".gz", "") if gzipped else ("", ".gz")
    return MtxMembers(
        matrix,
        _first(names, [f"{prefix}{name}{end}" for end in endings for name in FEATURE_NAMES]),
        _first(names, [f"{prefix}{name}{end}" for end in endings for name in BARCODE_NAMES]),
    )


def deposit_files(names: Sequence[str], *, named: str | None = None) -> list[str] | None:
    """Return the files that make up the one 10x matrix of a folder; None where it is not one.

    Parameters
    ----------
    names
        File names of the folder.
    named
        The one of them that the user named, if not the folder.
    """
    matrices = matrix_names(names if named is None else [named])
    if len(matrices) != 1:
        return None
    return sorted(name for name in mtx_members(matrices[0], names) if name)


def _first(names: Sequence[str], wanted: Sequence[str]) -> str | None:
    by_lower = {name.lower(): name for name in names}
    return next((by_lower[name.lower()] for name in wanted if name.lower() in by_lower), None)
