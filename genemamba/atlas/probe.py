"""A look at a deposit's columns before anything of it is copied or read."""

from pathlib import Path, PurePosixPath
from typing import Any

import h5py
import zarr

from genemamba.atlas.elements import reading
from genemamba.atlas.readers import probe_columns
from genemamba.storage import is_local, split_url, zarr_store


def peek_columns(uri: str) -> list[str]:
    """Return the names of a deposit's ``obs`` columns, reading a remote file's header only.

    Parameters
    ----------
    uri
        Path or URL.

    Raises
    ------
    SourceError
        A deposit is damaged, or a local one cannot be opened.
    OSError
        A remote one cannot be opened.
    """
    fs, path = split_url(uri)
    if is_local(uri):
        return probe_columns(Path(path))
    name = PurePosixPath(path).name
    if path.endswith((".h5ad", ".h5")):
        with (
            fs.open(path, "rb") as stream,
            reading(name, remote=True),
            h5py.File(stream, "r") as file,
        ):
            return _columns(file)
    if path.rstrip("/").endswith(".zarr"):
        # Of either Zarr format: deposits are as others wrote them.
        with reading(name, remote=True):
            return _columns(zarr.open_group(zarr_store(uri, mode="r"), mode="r"))
    return []


def _columns(file: Any) -> list[str]:  # noqa: ANN401  # h5py and zarr share no type
    return [str(column) for column in file["obs"].attrs.get("column-order", [])]
