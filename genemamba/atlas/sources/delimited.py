"""Tables of counts in text, CSV or TSV, with the cells in rows or in columns."""

import csv
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import csc_matrix

from genemamba.atlas.genes.tables import load_reference
from genemamba.atlas.sources.anndata_files import Candidate
from genemamba.atlas.sources.cell_table import FrameTable
from genemamba.atlas.sources.gzip_files import open_maybe_gzip
from genemamba.atlas.sources.spool import RowSpool, SpooledMatrix, spool_columns
from genemamba.errors import SourceError
from genemamba.publishing import storage_errors

DELIMITERS: Final = {".csv": ",\t;", ".tsv": "\t,;"}
"""By suffix, which ``.gz`` may follow: those that are understood, the likeliest first.
Spreadsheets write semicolons under either name where the comma is the decimal mark."""

QUOTED_NAME: Final = re.compile(rb'"((?:[^"]|"")*)"')
"""A field in quotes at the start of a line, in which a doubled quote stands for one."""


class Header(NamedTuple):
    """What the first line says."""

    names: list[str]
    """Names of the columns, without the one above the row names."""
    delimiter: str
    """One character."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DelimitedSource:
    """A CSV or TSV file: one header line, then a name and numbers in every line."""

    path: Path
    """The file, possibly gzipped."""

    def cells(self) -> FrameTable:
        """Return the table of cells, which has names and no columns.

        Raises
        ------
        SourceError
            The file is not text of this form.
        """
        header, names = self.header().names, self._row_names()
        index = pd.Index(names if _cells_in_rows(header, names) else header)
        return FrameTable(frame=pd.DataFrame(index=index))

    def header(self) -> Header:
        """Read the first line; R leaves out the field above the row names, others do not.

        Raises
        ------
        SourceError
            The file is not text, or a line has no numbers.
        """
        with self._open() as stream:
            first = stream.readline()
            second = next((line for line in stream if line.strip()), b"")
        try:
            header = first.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise self._refused(found="bytes that are no text in line 1") from error
        delimiter, width = self._delimiter(second)
        fields = self._split(header, delimiter)
        return Header(fields if len(fields) == width else fields[1:], delimiter)

    def _delimiter(self, line: bytes) -> tuple[str, int]:
        """Return the delimiter of a line with a name and numbers, and how many numbers."""
        understood = DELIMITERS[self.path.name.removesuffix(".gz")[-4:].lower()]
        if not line:
            return understood[0], 0
        for delimiter in understood:
            width = len(self._split(line.decode(errors="replace"), delimiter)) - 1
            if width > 0:
                return delimiter, width
        raise self._refused(found="no comma, tab or semicolon between a name and numbers in line 2")

    def _split(self, line: str, delimiter: str) -> list[str]:
        try:
            return next(csv.reader([line], delimiter=delimiter), [])
        except csv.Error as error:
            raise self._refused(found=f"a line that cannot be split ({error})") from error

    def candidates(self, *, scratch: Path) -> Iterator[Candidate]:
        """Yield the one matrix there is, by cells.

        Parameters
        ----------
        scratch
            Not used: the numbers are read later.

        Raises
        ------
        SourceError
            The file is not text of this form.
        """
        header, names = self.header().names, self._row_names()
        cells_in_rows = _cells_in_rows(header, names)
        genes, cells = (header, names) if cells_in_rows else (names, header)
        table = _Table(self, (len(cells), len(genes)), cells_in_rows=cells_in_rows)
        yield Candidate("X", table, pd.DataFrame(index=pd.Index(genes)))

    def parse(self, folder: Path) -> SpooledMatrix:
        """Write the numbers, line by line, into a scratch folder.

        Raises
        ------
        SourceError
            A line has another number of fields than the first, or a field is empty or no number.
        StorageError
            The scratch folder cannot be written.
        """
        columns, delimiter = self.header()
        with storage_errors(str(folder)), RowSpool(folder, n_vars=len(columns)) as spool:
            for number, _, fields in self._lines(delimiter):
                spool.append(self._numbers(fields, delimiter, width=len(columns), number=number))
            return spool.finish()

    def _numbers(self, fields: bytes, delimiter: str, *, width: int, number: int) -> np.ndarray:
        self._refuse_empty_field(fields, delimiter.encode(), number=number)
        try:
            values = np.fromstring(fields.replace(b'"', b"").decode(), sep=delimiter)
        except ValueError as error:
            found = f"a field that is no number in line {number}"
            raise self._refused(found=found) from error
        # A tab as separator matches any white space, so that fields are counted too.
        count = min(len(values), fields.count(delimiter.encode()) + 1)
        if count != width or len(values) != width:
            found = f"{count} numbers instead of {width} in line {number}"
            raise self._refused(found=found)
        return values

    def _refuse_empty_field(self, fields: bytes, delimiter: bytes, *, number: int) -> None:
        """Refuse a line with an empty field, in place of which ``np.fromstring`` puts -1."""
        compact = fields.translate(None, b' "\r\n\t'.replace(delimiter, b""))
        ends = compact.startswith(delimiter) or compact.endswith(delimiter)
        if ends or delimiter * 2 in compact:
            # The name is column 1.
            column = compact.split(delimiter).index(b"") + 2
            raise self._refused(found=f"an empty field in line {number}, column {column}")

    def _row_names(self) -> list[str]:
        return [name for _, name, _ in self._lines(self.header().delimiter)]

    def _lines(self, delimiter: str) -> Iterator[tuple[int, str, bytes]]:
        mark = delimiter.encode()
        with self._open() as stream:
            stream.readline()
            for number, line in enumerate(stream, start=2):
                if not line.strip():
                    continue
                quoted = QUOTED_NAME.match(line)
                name = quoted[1].replace(b'""', b'"') if quoted else line.partition(mark)[0]
                _, _, fields = line[quoted.end() if quoted else 0 :].partition(mark)
                yield number, name.rstrip(b"\r\n").decode(errors="replace"), fields

    def _open(self) -> AbstractContextManager[BinaryIO]:
        return open_maybe_gzip(self.path, refused=lambda found: self._refused(found=found))

    def _refused(self, *, found: str) -> SourceError:
        return SourceError(
            expected=f"{self.path.name} to be a table of names and numbers",
            found=found,
            remedy="Write cells by genes with pandas.DataFrame.to_csv, or deposit an h5ad file.",
        )


class _Table:
    """The numbers of the file, not read yet."""

    def __init__(
        self, source: DelimitedSource, shape: tuple[int, int], *, cells_in_rows: bool
    ) -> None:
        self.shape = shape
        self._source, self._cells_in_rows = source, cells_in_rows

    def by_cells(self, folder: Path) -> SpooledMatrix:
        lines = self._source.parse(folder / "lines")
        return lines if self._cells_in_rows else _transpose(lines, folder / "rows")


def _cells_in_rows(column_names: list[str], row_names: list[str]) -> bool:
    known = load_reference().share_known
    return known(column_names) >= known(row_names)


def _transpose(genes: SpooledMatrix, folder: Path) -> SpooledMatrix:
    n_vars, n_obs = genes.shape
    lengths = np.zeros(n_obs, dtype=np.int64)
    for start, stop in genes.blocks():
        lengths += np.bincount(genes.rows(start, stop).indices, minlength=n_obs)
    columns = (csc_matrix(genes.rows(start, stop).T) for start, stop in genes.blocks())
    return spool_columns(columns, lengths=lengths, n_vars=n_vars, folder=folder)
