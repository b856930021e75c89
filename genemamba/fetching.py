"""Bringing deposits to this machine's disk, and knowing what their bytes are."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from genemamba.errors import SourceError
from genemamba.remote_access import remote_errors
from genemamba.storage import (
    Progress,
    deposit_parts,
    hash_stream,
    is_local,
    relative_path,
    split_url,
    tree_manifest,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class FetchedFile:
    """A deposit on this machine's disk, and what its bytes are."""

    path: Path
    """Where it can be read; the source itself when that is local."""
    sha256: str
    """64 hex digits over the bytes; over the sorted file list for a folder."""
    size_bytes: int
    """Bytes in all."""


def fetch_deposit(uri: str, *, scratch: Path, progress: Progress | None = None) -> FetchedFile:
    """Hash a deposit, copying it to disk on the way when it is remote.

    Parameters
    ----------
    uri
        Path or URL of a file, of a folder (Zarr, 10x mtx), or of the ``matrix.mtx`` in one, with
        which the two tables beside it are fetched.
    scratch
        Folder for the copy of a remote deposit.
    progress
        Called with bytes done and bytes in all.

    Raises
    ------
    SourceError
        Nothing is there, it is an empty file or folder, or it must not be read.
    ConnectionError
        A remote store does not answer.
    """
    with remote_errors(uri):
        return _fetch(uri, scratch, progress)


def _fetch(uri: str, scratch: Path, progress: Progress | None) -> FetchedFile:
    fs, path = split_url(uri)
    if not fs.exists(path):
        raise SourceError(
            expected="a file or folder",
            found=f"nothing at {uri}",
            remedy="Check the path; quote it if it holds spaces.",
        )
    local = is_local(uri)
    parts = deposit_parts(fs, path)
    if parts is not None:
        return _fetch_parts(uri, parts, scratch, progress)
    size = int(fs.size(path))
    if size == 0:
        raise SourceError(
            expected="a file with cells in it",
            found=f"an empty file at {uri}",
            remedy="Copy the deposit again; the transfer may have been cut off.",
        )
    target = Path(path) if local else scratch / Path(path).name
    if not local:
        scratch.mkdir(parents=True, exist_ok=True)
    with fs.open(path, "rb") as source:
        sha256 = hash_stream(
            source, copy_to=None if local else target, size=size, progress=progress
        )
    return FetchedFile(path=target, sha256=sha256, size_bytes=size)


def _fetch_parts(
    uri: str, parts: Sequence[str], scratch: Path, progress: Progress | None
) -> FetchedFile:
    if not parts:
        raise SourceError(
            expected="a folder with a deposit in it",
            found=f"no file in {uri}",
            remedy="Check the path; the transfer may have been cut off.",
        )
    fs, path = split_url(uri)
    target = Path(path)
    if not is_local(uri):
        root = path.rstrip("/") if fs.isdir(path) else path.rpartition("/")[0]
        folder = scratch / "deposit" / Path(root).name
        fs.get(list(parts), [str(folder / relative_path(name, root)) for name in parts])
        target = folder if fs.isdir(path) else folder / target.name
    manifest = tree_manifest(str(target), progress=progress)
    return FetchedFile(
        path=target,
        sha256=manifest.digest.removeprefix("sha256:"),
        size_bytes=manifest.size_bytes,
    )
