"""AnnData deposits, h5ad or Zarr: their tables, and the matrices that may hold counts."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import anndata
import pandas as pd
from anndata.io import read_elem

from genemamba.atlas.matrices import Matrix, open_elements, open_matrix
from genemamba.errors import SourceError

PLACES: Final = (
    ('layers["counts"]', "layers/counts", "var"),
    ("X", "X", "var"),
    ("raw.X", "raw/X", "raw/var"),
    ("raw.X", "raw.X", "raw.var"),
)
"""Where counts are looked for, in this order: name, matrix, table of genes.
The last spelling is that of anndata before 0.7."""


class Candidate(NamedTuple):
    """A matrix that may hold counts."""

    location: str
    """As the user would type it after ``adata.``."""
    matrix: Matrix
    """Cells by genes."""
    var: pd.DataFrame
    """Its genes, index = their names in the deposit."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AnnDataSource:
    """An h5ad file or an AnnData Zarr folder."""

    path: Path
    """The file or folder."""

    def obs(self) -> pd.DataFrame:
        """Return the table of cells, index = ``obs_names``.

        Raises
        ------
        SourceError
            The file is damaged, or holds no AnnData.
        """
        return self._table("obs")

    def candidates(self, *, scratch: Path) -> Iterator[Candidate]:
        """Yield the matrices that may hold counts, the most likely first.

        Parameters
        ----------
        scratch
            Folder in which a matrix stored by gene is turned round, when its turn comes.

        Raises
        ------
        SourceError
            The file is damaged, or the table of genes is missing.
        """
        for location, element, table in PLACES:
            matrix = open_matrix(self.path, element, scratch=scratch)
            if matrix is not None:
                yield Candidate(location, matrix, self._table(table))

    def _table(self, name: str) -> pd.DataFrame:
        with open_elements(self.path) as file:
            if name not in file:
                raise self._no_table(name)
            if hasattr(file[name], "dtype"):
                return _legacy_table(self.path, name)
            with warnings.catch_warnings():
                # Files of older anndata versions are read on purpose.
                warnings.simplefilter("ignore")
                table: Any = read_elem(file[name])
        if not isinstance(table, pd.DataFrame):
            raise self._no_table(name)
        table.index = table.index.astype(str)
        return table

    def _no_table(self, name: str) -> SourceError:
        return SourceError(
            expected=f"{self.path.name} to hold an AnnData object",
            found=f"no table {name!r} in it",
            remedy="Write it with adata.write_h5ad or adata.write_zarr.",
        )


def _legacy_table(path: Path, name: str) -> pd.DataFrame:
    """Read a table that anndata before 0.7 wrote as one compound array."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        adata = anndata.read_h5ad(path, backed="r")
    try:
        holder = adata.raw if name.startswith("raw") else adata
        table: pd.DataFrame = (holder.obs if name == "obs" else holder.var).copy()
    finally:
        adata.file.close()
    table.index = table.index.astype(str)
    return table
