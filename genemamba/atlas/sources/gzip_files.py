"""Text files that may be gzipped, whatever their names say."""

import gzip
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, cast

from genemamba.errors import SourceError

MAGIC: Final = b"\x1f\x8b"
"""First bytes of a gzip file (RFC 1952). Browsers unpack files and leave them their names."""


@contextmanager
def open_maybe_gzip(path: Path, *, refused: Callable[[str], SourceError]) -> Iterator[BinaryIO]:
    """Open a file for a block that only reads it, unpacking it on the way where it is gzipped.

    Parameters
    ----------
    path
        The file.
    refused
        Makes the error for what was found.

    Raises
    ------
    SourceError
        The file cannot be read, or its gzip stream is damaged.
    """
    try:
        with path.open("rb") as probe:
            opener = gzip.open if probe.read(2) == MAGIC else open
        with cast("BinaryIO", opener(path, "rb")) as stream:
            yield stream
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        msg = f"a damaged gzip stream ({error})"
        raise refused(msg) from error
    except OSError as error:
        msg = f"one that cannot be read ({error})"
        raise refused(msg) from error
