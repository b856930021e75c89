"""A look at a deposit's columns before anything of it is copied or read."""

from pathlib import Path, PurePosixPath
from typing import Any

import h5py
import zarr

from genemamba.atlas.sources.elements import ANNDATA, reading
from genemamba.atlas.sources.loom import loom_columns
from genemamba.atlas.sources.loom_matrix import LOOM
from genemamba.atlas.sources.readers import probe_columns
from genemamba.atlas.sources.tenx_h5 import matrix_groups
from genemamba.atlas.sources.tenx_matrix import TENX_H5
from genemamba.remote_access import open_header, remote_errors
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
        A deposit is damaged, a local one cannot be opened, or a remote one must not be read.
    OSError
        A remote one cannot be opened.
    """
    if is_local(uri):
        return probe_columns(Path(split_url(uri)[1]))
    fs, path = split_url(uri)
    name = PurePosixPath(path.rstrip("/")).name
    with remote_errors(uri):
        if name.lower().endswith((".h5ad", ".h5", ".hdf5", ".loom")):
            with (
                open_header(fs, path) as stream,
                reading(name, remote=True, kind=_kind(name)),
                h5py.File(stream, "r") as file,
            ):
                return _hdf5_columns(file, name)
        if name.lower().endswith(".zarr"):
            # Of either Zarr format: deposits are as others wrote them.
            with reading(name, remote=True):
                return _columns(zarr.open_group(zarr_store(uri, mode="r"), mode="r"))
    return []


def _kind(name: str) -> str:
    return {".loom": LOOM, ".h5ad": ANNDATA}.get(PurePosixPath(name).suffix.lower(), TENX_H5)


def _hdf5_columns(file: Any, name: str) -> list[str]:  # noqa: ANN401  # h5py
    if name.lower().endswith(".loom"):
        return list(loom_columns(file)[1])
    return [] if matrix_groups(file) else _columns(file)


def _columns(file: Any) -> list[str]:  # noqa: ANN401  # h5py and zarr share no type
    obs = file["obs"]
    if getattr(obs, "dtype", None) is not None:
        # One compound array, as anndata before 0.7 wrote it; the names of the cells come first.
        return list(obs.dtype.names[1:])
    return [str(column) for column in obs.attrs.get("column-order", [])]
