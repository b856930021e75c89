"""AnnData deposits, h5ad or Zarr: their tables, and the matrices that may hold counts."""

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

import anndata
import pandas as pd
from anndata.io import read_elem

from genemamba.atlas.sources.cell_elements import open_cell_table
from genemamba.atlas.sources.cell_table import CellTable, FrameTable
from genemamba.atlas.sources.elements import open_elements
from genemamba.atlas.sources.matrices import Matrix, open_matrix
from genemamba.errors import SourceError

PLACES: Final = (
    ('layers["counts"]', "layers/counts", "var"),
    ("X", "X", "var"),
    ("raw.X", "raw/X", "raw/var"),
    ("raw.X", "raw.X", "raw.var"),
)
"""Where counts are looked for, in this order: name, matrix, table of genes.
The last spelling is that of anndata before 0.7."""


class Unread(Protocol):
    """A matrix that must be written to scratch before it can be read by cells."""

    @property
    def shape(self) -> tuple[int, int]:
        """Cells and genes."""
        ...

    def by_cells(self, folder: Path) -> Matrix:
        """Write the matrix by cells into a scratch folder."""
        ...


class Candidate(NamedTuple):
    """A matrix that may hold counts."""

    location: str
    """As the user would type it after ``adata.``."""
    matrix: Matrix | Unread
    """Cells by genes; work that it needs first waits until its genes have been looked at."""
    var: pd.DataFrame
    """Its genes, index = their names in the deposit."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AnnDataSource:
    """An h5ad file or an AnnData Zarr folder."""

    path: Path
    """The file or folder."""
    layer: str | None = None
    """The only matrix to look at: ``X``, ``raw``, or the name of a layer."""

    def cells(self) -> CellTable:
        """Return the table of cells.

        Raises
        ------
        SourceError
            The file is damaged, or holds no AnnData.
        """
        streamed = open_cell_table(self.path, "obs")
        return streamed or FrameTable(frame=self._table("obs"))

    def candidates(self, *, scratch: Path) -> Iterator[Candidate]:
        """Yield the matrices that may hold counts, the most likely first.

        Parameters
        ----------
        scratch
            Not used: a matrix stored by gene is turned round later.

        Raises
        ------
        SourceError
            The file is damaged, the table of genes is missing, or there is no such layer.
        """
        found = False
        for location, element, table in self._places():
            stored = open_matrix(self.path, element)
            if stored is not None:
                found = True
                yield Candidate(location, stored, self._table(table))
        if self.layer is not None and not found:
            raise self._no_layer()

    def _places(self) -> tuple[tuple[str, str, str], ...]:
        if self.layer is None:
            return PLACES
        if self.layer in ("X", "raw", "raw.X"):
            wanted = "X" if self.layer == "X" else "raw.X"
            return tuple(place for place in PLACES if place[0] == wanted)
        return ((f'layers["{self.layer}"]', f"layers/{self.layer}", "var"),)

    def _no_layer(self) -> SourceError:
        with open_elements(self.path) as file:
            held = [f"{name!r}" for name in file["layers"]] if "layers" in file else []
            held += [f"{name!r}" for name in ("X", "raw") if name in file]
        return SourceError(
            expected=f"{self.path.name} to hold a matrix of numbers {self.layer!r}",
            found=f"{', '.join(held) or 'none at all'}",
            remedy="Name one of those, or none to have the counts found.",
            rule="layer-missing",
            examples=held,
        )

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


def by_cells(candidate: Candidate, scratch: Path) -> Matrix:
    """Return a matrix that can be read by cells, written to scratch first where it must be.

    Parameters
    ----------
    candidate
        The matrix.
    scratch
        Folder for scratch; what is there from an earlier call is used again.

    Raises
    ------
    SourceError
        The deposit is damaged.
    StorageError
        The scratch folder cannot be written.
    """
    if hasattr(candidate.matrix, "by_cells"):
        name = re.sub(r"\W+", "-", candidate.location).strip("-")
        return candidate.matrix.by_cells(scratch / f"rows-{name}")
    return candidate.matrix


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
