"""10x deposits as three text files: a sparse matrix, its features and its barcodes."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pandas as pd

from genemamba.atlas.sources.anndata_files import Candidate
from genemamba.atlas.sources.cell_table import CellTable
from genemamba.atlas.sources.gzip_files import open_maybe_gzip
from genemamba.atlas.sources.mtx_entries import MtxFile, MtxHeader
from genemamba.atlas.sources.name_table import NameTable
from genemamba.atlas.sources.spool import SpooledMatrix
from genemamba.atlas.sources.tenx_features import feature_table
from genemamba.atlas.sources.triplets import spool_entries
from genemamba.errors import SourceError
from genemamba.members import MtxMembers, matrix_names, mtx_members

WANTED: Final = "matrix.mtx, features.tsv (or genes.tsv) and barcodes.tsv in one folder"
"""What a deposit of this format is made of."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TenxMtxSource:
    """A folder such as ``filtered_feature_bc_matrix``, or the matrix in it; gzipped or not."""

    path: Path
    """The folder, or its ``matrix.mtx``, whose prefix the other two files must have."""

    def cells(self) -> CellTable:
        """Return the barcodes, which have no columns; the sizes of the matrix are checked.

        Raises
        ------
        SourceError
            A file is missing or damaged, or the three do not belong together.
        """
        matrix, features, barcodes = self.files()
        table = self._barcodes(barcodes)
        self._check_sizes(matrix.header(), n_features=self._count(features), n_obs=table.n_obs)
        return table

    def candidates(self, *, scratch: Path) -> Iterator[Candidate]:
        """Yield the one matrix there is, with the features of every type.

        Parameters
        ----------
        scratch
            Not used: the entries are read later.

        Raises
        ------
        SourceError
            As `cells`.
        """
        matrix, features, _ = self.files()
        n_obs, var = self.cells().n_obs, self._features(features)
        yield Candidate("matrix", _Entries(matrix, (n_obs, len(var))), var)

    def files(self) -> tuple[MtxFile, Path, Path]:
        """Find the matrix, the table of features and the table of barcodes.

        Raises
        ------
        SourceError
            One is missing, or there are several matrices.
        """
        folder = self.path if self.path.is_dir() else self.path.parent
        names = sorted(entry.name for entry in folder.iterdir() if entry.is_file())
        matrices = matrix_names(names) if self.path.is_dir() else [self.path.name]
        if len(matrices) != 1:
            held = ", ".join(matrices[:3]) or ", ".join(names[:5]) or "nothing"
            raise SourceError(
                expected=f"{self.path.name} to hold {WANTED}",
                found=f"{len(matrices)} matrices ({held})",
                remedy="Name the matrix itself, such as sample_matrix.mtx.gz; each is a deposit.",
            )
        members = mtx_members(matrices[0], names)
        if members.features is None or members.barcodes is None:
            raise self._incomplete(members, names)
        matrix = MtxFile(path=folder / members.matrix)
        return matrix, folder / members.features, folder / members.barcodes

    def _incomplete(self, members: MtxMembers, names: list[str]) -> SourceError:
        lacking = {"a table of features": members.features, "barcodes": members.barcodes}
        missing = " and ".join(what for what, name in lacking.items() if name is None)
        return SourceError(
            expected=f"{WANTED}, with the prefix of {members.matrix}, if it has one",
            found=f"no {missing} among {', '.join(names[:8])}",
            remedy="Put the three files into one folder, under the names that Cell Ranger gave.",
        )

    def _barcodes(self, path: Path) -> NameTable:
        with open_maybe_gzip(path, refused=lambda found: _unreadable(path, found)) as stream:
            return NameTable.from_fields(line.split(b"\t")[0].strip() for line in stream)

    def _count(self, path: Path) -> int:
        with open_maybe_gzip(path, refused=lambda found: _unreadable(path, found)) as stream:
            return sum(1 for line in stream if line.strip())

    def _features(self, path: Path) -> pd.DataFrame:
        """Read ids, names and, from Cell Ranger 3 on, types; a lone column is taken for both."""
        with open_maybe_gzip(path, refused=lambda found: _unreadable(path, found)) as stream:
            lines = [
                [field.strip().strip('"') for field in line.decode(errors="replace").split("\t")]
                for line in stream
                if line.strip()
            ]
        ids = [fields[0] for fields in lines]
        names = [fields[1] if len(fields) > 1 else fields[0] for fields in lines]
        typed = all(len(fields) > 2 for fields in lines)
        return feature_table(ids, names, types=[fields[2] for fields in lines] if typed else None)

    def _check_sizes(self, header: MtxHeader, *, n_features: int, n_obs: int) -> None:
        if (header.n_rows, header.n_columns) == (n_features, n_obs):
            return
        sizes = f"a matrix of {header.n_rows} by {header.n_columns}"
        tables = f"{n_features} features and {n_obs} barcodes"
        if (header.n_rows, header.n_columns) == (n_obs, n_features):
            raise SourceError(
                expected=f"features in the rows of {self.path.name}, barcodes in its columns",
                found=f"{sizes} beside {tables}: they are swapped",
                remedy="Transpose the matrix and write it again, for instance with scipy.io.mmwrite.",
            )
        raise SourceError(
            expected=f"the matrix of {self.path.name} to be of the size of its tables",
            found=f"{sizes} beside {tables}",
            remedy="Put the three files of one sample together; no table may have a header line.",
        )


class _Entries:
    """The entries of the matrix, not read yet."""

    def __init__(self, matrix: MtxFile, shape: tuple[int, int]) -> None:
        self.shape, self._matrix = shape, matrix

    def by_cells(self, folder: Path) -> SpooledMatrix:
        n_obs, n_vars = self.shape
        return spool_entries(self._matrix.entries(), n_obs=n_obs, n_vars=n_vars, folder=folder)


def _unreadable(path: Path, found: str) -> SourceError:
    return SourceError(
        expected=f"{path.name} to be a table in text",
        found=found,
        remedy="Copy the deposit again; the transfer may have been cut off.",
    )
