"""A look at a deposit's columns before anything of it is copied or read."""

from pathlib import Path
from typing import Any

import h5py

from genemamba.atlas.readers import probe_columns
from genemamba.storage import is_local, open_zarr_group, split_url


def peek_columns(uri: str) -> list[str]:
    """Return the names of a deposit's ``obs`` columns, reading a remote file's header only.

    Parameters
    ----------
    uri
        Path or URL.

    Raises
    ------
    SourceError
        A local deposit cannot be opened.
    OSError
        A remote one cannot be opened.
    """
    fs, path = split_url(uri)
    if is_local(uri):
        return probe_columns(Path(path))
    if path.endswith((".h5ad", ".h5")):
        with fs.open(path, "rb") as stream, h5py.File(stream, "r") as file:
            return [str(column) for column in file["obs"].attrs.get("column-order", [])]
    if path.rstrip("/").endswith(".zarr"):
        order: Any = open_zarr_group(uri, mode="r")["obs"].attrs.get("column-order", [])
        return list(order)
    return []
