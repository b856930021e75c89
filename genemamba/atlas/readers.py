"""Deposits of any format, opened as cells by genes in raw counts."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pandas as pd
from scipy.sparse import csr_matrix

from genemamba.atlas.anndata_files import AnnDataSource, Candidate, refuse_misfit
from genemamba.atlas.counts import CountsReader, Scale, recognise_scale
from genemamba.atlas.delimited import DELIMITERS, DelimitedSource
from genemamba.errors import CountsError, SourceError


class SourceFormat(Protocol):
    """One file format: what the cells are, and which matrices may hold their counts."""

    def obs(self) -> pd.DataFrame:
        """Return the table of cells, index = ``obs_names``."""
        ...

    def candidates(self, *, scratch: Path) -> Iterator[Candidate]:
        """Yield the matrices that may hold counts, the most likely first."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class CountsSource:
    """A deposit whose counts have been found."""

    obs: pd.DataFrame
    """Cells, index = ``obs_names``, columns as deposited."""
    var: pd.DataFrame
    """Genes, index = their names in the deposit, columns as deposited."""
    location: str
    """Where the counts lie: ``layers["counts"]``, ``X`` or ``raw.X``."""
    reader: CountsReader
    """Reads them; the part that parallel tasks are given."""

    @property
    def n_obs(self) -> int:
        """Cells in the deposit."""
        return len(self.obs)

    @property
    def scale(self) -> Scale:
        """What the values at `location` are."""
        return self.reader.scale

    def rows(self, start: int, stop: int) -> csr_matrix:
        """Return the counts of the cells ``start`` to ``stop``, shape ``(stop - start, n_vars)``.

        A cell whose counts cannot be recovered is empty.
        """
        return self.reader.read(start, stop).counts


def open_source(path: Path, *, scratch: Path) -> CountsSource:
    """Open a deposit and find its raw counts.

    ``layers["counts"]``, ``X`` and ``raw.X`` are tried in this order, first for counts as they
    are, then for log1p values that counts can be recovered from.

    Parameters
    ----------
    path
        Local file or folder: ``.h5ad``, ``.zarr``, ``.csv``, ``.tsv``, the latter two
        possibly with ``.gz``.
    scratch
        Folder for matrices that must be rewritten to be read by cells; keep it as long as
        the source is read.

    Raises
    ------
    SourceError
        The file is missing, empty, damaged, or of a format that nothing here reads.
    CountsError
        There are no cells, no genes or no counts.
    StorageError
        The scratch folder cannot be written.
    """
    source = _open_format(path)
    obs = source.obs()
    _refuse_empty(obs, thing="cell")
    seen: list[Candidate] = []
    for candidate in source.candidates(scratch=scratch):
        _refuse_empty(candidate.var, thing="gene")
        tables = (len(obs), len(candidate.var))
        refuse_misfit(candidate.location, candidate.matrix.shape, tables=tables)
        if recognise_scale(candidate.matrix) == "counts":
            return _counts_source(obs, candidate, "counts")
        seen.append(candidate)
    for candidate in seen:
        if recognise_scale(candidate.matrix) == "log1p":
            return _counts_source(obs, candidate, "log1p")
    raise CountsError(
        expected="raw counts",
        found=f"values that are neither counts nor log1p of scaled counts in "
        f"{', '.join(candidate.location for candidate in seen) or 'no matrix at all'}",
        remedy='Put the raw counts into adata.layers["counts"] and try again.',
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
    return [str(column) for column in _open_format(path).obs().columns]


def _open_format(path: Path) -> SourceFormat:
    name = path.name.lower()
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
    if name.removesuffix(".gz").endswith(tuple(DELIMITERS)):
        return DelimitedSource(path=path)
    if name.endswith((".h5ad", ".zarr")):
        return AnnDataSource(path=path)
    raise SourceError(
        expected="a deposit named .h5ad, .zarr, .csv, .tsv, .csv.gz or .tsv.gz",
        found=path.name,
        remedy="Convert it, for instance with adata.write_h5ad.",
    )


def _counts_source(obs: pd.DataFrame, candidate: Candidate, scale: Scale) -> CountsSource:
    return CountsSource(
        obs=obs,
        var=candidate.var,
        location=candidate.location,
        reader=CountsReader(matrix=candidate.matrix, scale=scale),
    )


def _refuse_empty(table: pd.DataFrame, *, thing: str) -> None:
    if len(table) == 0:
        raise CountsError(
            expected=f"at least one {thing}",
            found=f"a deposit with no {thing}s",
            remedy="Check how the file was written, or whether a filter removed everything.",
        )
