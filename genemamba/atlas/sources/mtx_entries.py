"""Matrix Market files: the header, and the entries in blocks of bounded size."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import numpy as np

from genemamba.atlas.sources.gzip_files import open_maybe_gzip
from genemamba.errors import SourceError

BLOCK_BYTES: Final = 8 * 1024 * 1024
"""Text parsed at once: 1.4 million entries at most (six bytes are the shortest), 22 MB."""

LONGEST_LINE: Final = 64 * 1024
"""Bytes that a line may have: bytes without any line feed are no text."""

SHORTEST_ENTRY: Final = 6
"""Bytes of ``1 1 1`` and its line feed."""

BANNER: Final = "%%matrixmarket matrix coordinate"
"""Start of the first line of a sparse matrix, in lower case (NIST, Matrix Market formats)."""

FIELDS: Final = ("integer", "real")
"""Kinds of values that counts come in."""


class Entries(NamedTuple):
    """Consecutive entries of a file, shape ``(n,)`` each."""

    rows: np.ndarray
    """int32, from 0."""
    columns: np.ndarray
    """int32, from 0."""
    values: np.ndarray
    """float64."""


class MtxHeader(NamedTuple):
    """What a file says of itself before the entries."""

    n_rows: int
    """Rows: features in files of 10x."""
    n_columns: int
    """Columns: barcodes in files of 10x."""
    n_entries: int
    """Entries."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MtxFile:
    """A file in Matrix Market coordinate form, possibly gzipped."""

    path: Path
    """The file."""

    def header(self) -> MtxHeader:
        """Read the banner and the sizes.

        Raises
        ------
        SourceError
            The file is no sparse matrix of numbers, or is damaged.
        """
        with open_maybe_gzip(self.path, refused=self._refused) as stream:
            return self._header(stream)[0]

    def entries(self) -> Iterator[Entries]:
        """Yield the entries in the order of the file.

        Raises
        ------
        SourceError
            A line is no entry, an index lies outside, or there are more or fewer entries than
            the header says.
        """
        with open_maybe_gzip(self.path, refused=self._refused) as stream:
            header, n_lines = self._header(stream)
            done, rest = 0, b""
            while True:
                read = stream.read(BLOCK_BYTES)
                text, mark, tail = (rest + read).rpartition(b"\n") if read else (rest, b"", b"")
                rest = tail
                if text.strip():
                    block = self._parse(text + b"\n", header, n_lines)
                    done += len(block.values)
                    self._check_number(done, header, is_all=False)
                    yield block
                if len(rest) > LONGEST_LINE:
                    msg = f"a line of more than {LONGEST_LINE} signs"
                    raise self._refused(msg)
                n_lines += text.count(b"\n") + len(mark)
                if not read:
                    break
            self._check_number(done, header, is_all=True)

    def _parse(self, text: bytes, header: MtxHeader, n_lines: int) -> Entries:
        # numba takes a second to import, which no other format should wait for.
        from genemamba.atlas.sources import mtx_parser

        room = min(text.count(b"\n"), len(text) // SHORTEST_ENTRY + 1)
        rows, columns = np.empty(room, dtype=np.int32), np.empty(room, dtype=np.int32)
        values = np.empty(room, dtype=np.float64)
        n_entries, status, n_before = mtx_parser.parse_entries(
            np.frombuffer(text, dtype=np.uint8),
            header.n_rows,
            header.n_columns,
            rows,
            columns,
            values,
        )
        if status == mtx_parser.OK:
            return Entries(rows[:n_entries], columns[:n_entries], values[:n_entries])
        line = text.split(b"\n", n_before + 1)[n_before][:80].decode(errors="replace")
        where = f"line {n_lines + n_before + 1} ({line!r})"
        if status == mtx_parser.OUTSIDE:
            found = f"an index outside {header.n_rows} rows and {header.n_columns} columns"
            msg = f"{found} in {where}"
            raise self._refused(msg)
        msg = f"no row, column and number in {where}"
        raise self._refused(msg)

    def _header(self, stream: BinaryIO) -> tuple[MtxHeader, int]:
        """Return the header and how many lines it takes."""
        banner = stream.readline(1024).decode(errors="replace").split()
        # The kind is read from words: Matrix Market has them in any case.
        form, kind = " ".join(banner[:3]).lower(), " ".join(banner[3:]).lower()
        if form != BANNER:
            found = (
                f"{' '.join(banner)[:80]!r} in line 1 instead of '%%MatrixMarket matrix coordinate'"
            )
            raise self._refused(found)
        if kind not in {f"{field} general" for field in FIELDS}:
            msg = f"a matrix of the kind {kind!r}, not 'integer general' or 'real general'"
            raise self._refused(msg)
        number, line = 2, stream.readline()
        while line.startswith(b"%") or (line and not line.strip()):
            number, line = number + 1, stream.readline()
        sizes = line.split()
        if len(sizes) != 3 or not all(size.isdigit() for size in sizes):
            msg = f"no sizes of a matrix in line {number}"
            raise self._refused(msg)
        return MtxHeader(*(int(size) for size in sizes)), number

    def _check_number(self, done: int, header: MtxHeader, *, is_all: bool) -> None:
        if done > header.n_entries:
            msg = f"more than the {header.n_entries} entries that its header says"
            raise self._refused(msg)
        if is_all and done < header.n_entries:
            found = f"{done} of the {header.n_entries} entries that its header says: it is cut off"
            raise self._refused(found)

    def _refused(self, found: str) -> SourceError:
        return SourceError(
            expected=f"{self.path.name} to be a whole sparse matrix of counts",
            found=found,
            remedy="Copy the deposit again, or write it again as Cell Ranger does.",
        )
