"""Reading from other machines: what their clients raise, and looking at a file's header alone."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import fsspec

from genemamba.errors import SourceError

HEADER_BLOCK_BYTES: Final = 256 * 1024
"""Read size when looking at a header: HDF5 jumps between small pieces all over a file, and the
50 MiB that s3fs reads ahead at each of them make seconds of it."""

HEADER_BLOCKS: Final = 64
"""Blocks of a header that are kept: 16 MiB."""


@contextmanager
def remote_errors(url: str) -> Iterator[None]:
    """Turn what the clients of object stores raise into errors that say what to do.

    Parameters
    ----------
    url
        What is read, for the message.

    Raises
    ------
    SourceError
        There are no credentials, they are refused, or the client is wrongly set up.
    ConnectionError
        The store does not answer; trying again may help.
    """
    try:
        yield
    except PermissionError as error:
        raise SourceError(
            expected=f"permission to read {url}",
            found=f"that it is refused ({error})",
            remedy="Ask its owner for access, or set the credentials of one who has it.",
            rule="source-forbidden",
        ) from error
    except _client_errors() as error:
        reason = f"{type(error).__name__}: {error}"
        if _is_connection_error(error):
            msg = f"Expected an answer about {url}, found none ({reason})."
            raise ConnectionError(msg) from error
        raise SourceError(
            expected=f"an object store that can be asked for {url}",
            found=f"that its client cannot ({reason})",
            remedy="Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, and "
            "AWS_ENDPOINT_URL for a store that is not Amazon's.",
            rule="source-credentials",
        ) from error


@contextmanager
def open_header(fs: fsspec.AbstractFileSystem, path: str) -> Iterator[Any]:
    """Open a file to look at small pieces of it, wherever they lie."""
    options = {"maxblocks": HEADER_BLOCKS}
    with fs.open(
        path, "rb", block_size=HEADER_BLOCK_BYTES, cache_type="blockcache", cache_options=options
    ) as stream:
        yield stream


def _client_errors() -> tuple[type[Exception], ...]:
    """Return the base of what botocore raises, which is no `OSError`; nothing without botocore."""
    exceptions = sys.modules.get("botocore.exceptions")
    return () if exceptions is None else (exceptions.BotoCoreError,)


def _is_connection_error(error: BaseException) -> bool:
    exceptions = sys.modules["botocore.exceptions"]
    return isinstance(error, (exceptions.ConnectionError, exceptions.HTTPClientError))
