"""AnnData files as nested groups and arrays, opened so that damage to them is told as such."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import h5py
import zarr
from anndata._io.specs.registry import IORegistryError  # has no public name

from genemamba.errors import GeneMambaError, SourceError

DAMAGE: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    IORegistryError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
    zlib.error,
)
"""What h5py, zarr, anndata and scipy raise, besides `OSError`, over bytes that make no sense: h5py
KeyError and RuntimeError for a broken header, Unicode errors for names, anndata its registry's
error for an unknown encoding."""


ANNDATA: Final = "AnnData file"
"""What a deposit is by default said to be, in messages."""


@contextmanager
def reading(name: str, *, remote: bool = False, kind: str = ANNDATA) -> Iterator[None]:
    """Turn what the readers of a damaged deposit raise into `SourceError`.

    The block must do nothing but read the deposit, or mistakes of other code are blamed on it.

    Parameters
    ----------
    name
        The file's name, for the message.
    remote
        Whether an `OSError` may be the network's, and is left as it is.
    kind
        What the file should be, for the message.

    Raises
    ------
    SourceError
        The block met a damaged file.
    """
    try:
        yield
    except GeneMambaError:
        raise
    except MemoryError as error:
        raise SourceError(
            expected=f"{name} to be read in the memory there is",
            found=f"memory that ran out ({error})",
            remedy="Give the process more memory; or if the deposit is small, copy it again, since"
            " a damaged length can ask for any amount.",
            rule="memory-exhausted",
        ) from error
    except (OSError, *DAMAGE) as error:
        if remote and isinstance(error, OSError):
            raise
        reason = next(iter(str(error).splitlines()), "") or type(error).__name__
        raise damaged(name, f"one that cannot be read ({reason})", kind=kind) from error


def damaged(name: str, found: str, *, kind: str = ANNDATA) -> SourceError:
    """Return the error for a file that is not what its writer wrote."""
    means = " with adata.write_h5ad" if kind == ANNDATA else ""
    return SourceError(
        expected=f"{name} to be a whole {kind}",
        found=found,
        remedy=f"Copy the deposit again, or write it again{means}.",
    )


@contextmanager
def open_elements(path: Path, *, kind: str = ANNDATA) -> Iterator[Any]:
    """Open an AnnData file as nested mappings of groups and arrays, for a block that only reads.

    Parameters
    ----------
    path
        An HDF5 file, or a Zarr folder.
    kind
        What the file should be, for the message.

    Raises
    ------
    SourceError
        The file is not HDF5, is cut off, or a part of it makes no sense.
    """
    with reading(path.name, kind=kind):
        if path.is_dir():
            yield zarr.open_group(path, mode="r")
        else:
            with h5py.File(path, "r") as file:
                yield file
