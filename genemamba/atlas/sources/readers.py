"""Deposits of any format, opened as cells by genes in raw counts."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pandas as pd
from scipy.sparse import csr_matrix

from genemamba.atlas.sources.anndata_files import Candidate, by_cells, refuse_misfit
from genemamba.atlas.sources.cell_table import CellTable
from genemamba.atlas.sources.counts import CountsReader, Scale, recognise_scale
from genemamba.atlas.sources.formats import recognise_format
from genemamba.atlas.sources.matrices import Matrix
from genemamba.errors import CountsError, SourceError


class SourceFormat(Protocol):
    """One file format: what the cells are, and which matrices may hold their counts."""

    def cells(self) -> CellTable:
        """Return the table of cells."""
        ...

    def candidates(self, *, scratch: Path) -> Iterator[Candidate]:
        """Yield the matrices that may hold counts, the most likely first."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class CountsSource:
    """A deposit whose counts have been found."""

    cells: CellTable
    """Cells with their names and columns, as deposited."""
    var: pd.DataFrame
    """Genes, index = their names in the deposit, columns as deposited."""
    location: str
    """Where the counts lie: ``layers["counts"]``, ``X`` or ``raw.X``."""
    reader: CountsReader
    """Reads them; the part that parallel tasks are given."""

    @property
    def n_obs(self) -> int:
        """Cells in the deposit."""
        return self.cells.n_obs

    @property
    def scale(self) -> Scale:
        """What the values at `location` are."""
        return self.reader.scale

    def rows(self, start: int, stop: int) -> csr_matrix:
        """Return the counts of the cells ``start`` to ``stop``, shape ``(stop - start, n_vars)``.

        A cell whose counts cannot be recovered is empty.
        """
        return self.reader.read(start, stop).counts


def open_source(
    path: Path,
    *,
    scratch: Path,
    layer: str | None = None,
    check_cells: Callable[[CellTable], None] | None = None,
    check_genes: Callable[[pd.DataFrame], None] | None = None,
) -> CountsSource:
    """Open a deposit and find its raw counts.

    ``layers["counts"]``, ``X`` and ``raw.X`` are tried in this order, first for counts as they
    are, then for log1p values that counts can be recovered from.

    Parameters
    ----------
    path
        Local file or folder: ``.h5ad``, ``.zarr``, ``.h5`` of 10x, ``.loom``, ``.csv``, ``.tsv``
        (these two possibly with ``.gz``), a folder with a ``matrix.mtx`` of 10x, or that file.
    scratch
        Folder for matrices that must be rewritten to be read by cells; keep it as long as
        the source is read.
    layer
        The only matrix to look at: ``X``, ``raw``, or the name of a layer.
    check_cells
        Called with the cells before any value is read; may refuse them.
    check_genes
        Called with the genes of a matrix before any of its values is read; may refuse them.

    Raises
    ------
    SourceError
        The file is missing, empty, damaged, or of a format that nothing here reads.
    CountsError
        There are no cells, no genes or no counts.
    StorageError
        The scratch folder cannot be written.
    """
    source = _open_format(path, layer=layer)
    cells = source.cells()
    _refuse_empty(cells.n_obs, thing="cell")
    if check_cells:
        check_cells(cells)
    seen: list[tuple[Candidate, Matrix]] = []
    for candidate in source.candidates(scratch=scratch):
        _refuse_empty(len(candidate.var), thing="gene")
        tables = (cells.n_obs, len(candidate.var))
        refuse_misfit(candidate.location, candidate.matrix.shape, tables=tables)
        if check_genes:
            check_genes(candidate.var)
        matrix = by_cells(candidate, scratch)
        if recognise_scale(matrix) == "counts":
            return _counts_source(cells, candidate, matrix, "counts")
        seen.append((candidate, matrix))
    for candidate, matrix in seen:
        if recognise_scale(matrix) == "log1p":
            return _counts_source(cells, candidate, matrix, "log1p")
    raise CountsError(
        expected="raw counts",
        found=f"values that are neither counts nor log1p of scaled counts in "
        f"{', '.join(candidate.location for candidate, _ in seen) or 'no matrix at all'}",
        remedy='Put the raw counts into adata.layers["counts"] and try again.',
        rule="counts-not-found",
    )


def probe_columns(path: Path) -> list[str]:
    """Return the names of a deposit's ``obs`` columns without touching its matrices.

    Parameters
    ----------
    path
        As for `open_source`.

    Raises
    ------
    SourceError
        As for `open_source`.
    """
    return list(_open_format(path).cells().columns)


def _open_format(path: Path, *, layer: str | None = None) -> SourceFormat:
    if not path.exists():
        raise SourceError(
            expected="a file or folder",
            found=f"nothing at {path}",
            remedy="Check the path; quote it if it holds spaces.",
        )
    if path.is_file() and path.stat().st_size == 0:
        raise SourceError(
            expected="a file with cells in it",
            found=f"an empty file at {path}",
            remedy="Copy the deposit again; the transfer may have been cut off.",
        )
    return recognise_format(path, layer=layer)


def _counts_source(
    cells: CellTable, candidate: Candidate, matrix: Matrix, scale: Scale
) -> CountsSource:
    return CountsSource(
        cells=cells,
        var=candidate.var,
        location=candidate.location,
        reader=CountsReader(matrix=matrix, scale=scale),
    )


def _refuse_empty(length: int, *, thing: str) -> None:
    if length == 0:
        raise CountsError(
            expected=f"at least one {thing}",
            found=f"a deposit with no {thing}s",
            remedy="Check how the file was written, or whether a filter removed everything.",
            rule=f"{thing}s-absent",
        )
