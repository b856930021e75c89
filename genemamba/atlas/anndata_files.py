"""AnnData deposits, h5ad or Zarr: their tables, and the matrices that may hold counts."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import anndata
import pandas as pd
from anndata.io import read_elem

from genemamba.atlas.elements import open_elements
from genemamba.atlas.matrices import CscElement, Matrix, open_matrix
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
        StorageError
            The scratch folder cannot be written.
        """
        for location, element, table in PLACES:
            stored = open_matrix(self.path, element)
            if stored is None:
                continue
            var = self._table(table)
            if isinstance(stored, CscElement):
                # Turning it round takes memory and disk by its shape, which may be damaged.
                refuse_misfit(location, stored.shape, tables=(len(self.obs()), len(var)))
                folder = scratch / f"rows-{element.replace('/', '-')}"
                yield Candidate(location, stored.by_cells(folder), var)
            else:
                yield Candidate(location, stored, var)

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


def refuse_misfit(location: str, shape: tuple[int, int], *, tables: tuple[int, int]) -> None:
    """Refuse a matrix of another shape than the tables of cells and genes have.

    Raises
    ------
    SourceError
        The shapes differ.
    """
    if shape != tables:
        raise SourceError(
            expected=f"{location} of shape {tables}, as the tables say",
            found=f"shape {shape}",
            remedy="Copy the deposit again, or write it again with adata.write_h5ad.",
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
