"""Files and folders on any filesystem: opening, fetching and hashing them."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Protocol

import fsspec
import zarr
from fsspec.core import url_to_fs
from zarr.storage import FsspecStore, LocalStore

from genemamba.errors import SourceError

BLOCK_BYTES: Final = 4 * 1024 * 1024
"""Read size when hashing: large enough that the hash, not the call, is the cost."""

Progress = Callable[[int, int], None]
"""Called with (done, total); the caller decides whether and how to show it."""


ZarrMode = Literal["r", "r+", "w"]
"""Read, change, or replace."""


class ReadableStream(Protocol):
    """Anything with a binary ``read``."""

    def read(self, size: int, /) -> bytes:
        """Return at most that many bytes; none at the end."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class FetchedFile:
    """A deposit on this machine's disk, and what its bytes are."""

    path: Path
    """Where it can be read; the source itself when that is local."""
    sha256: str
    """64 hex digits over the bytes; over the sorted file list for a folder."""
    size_bytes: int
    """Bytes in all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TreeManifest:
    """What a file or folder holds, in one digest."""

    digest: str
    """``sha256:`` and 64 hex digits: over the bytes of a file; for a folder over the sorted
    lines ``path<TAB>sha256<TAB>size``."""
    n_files: int
    """Files in all."""
    size_bytes: int
    """Bytes in all."""


def split_url(url: str) -> tuple[fsspec.AbstractFileSystem, str]:
    """Return the filesystem of a path or URL, and the path on it.

    Raises
    ------
    SourceError
        The URL is of a kind that nothing installed can read.
    """
    try:
        fs, path = url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise SourceError(
            expected="a path, or a URL of a kind that can be read here",
            found=f"{url} ({error})",
            remedy="Correct the URL; s3:// needs pip install 'genemamba-atlas[s3]'.",
        ) from error
    return fs, path


def is_local(url: str) -> bool:
    """Tell whether a path or URL lies on this machine's own filesystem."""
    return "file" in _protocols(split_url(url)[0])


def join_url(url: str, *parts: str) -> str:
    """Append path parts to a path or URL."""
    return "/".join([url.rstrip("/"), *parts])


def open_zarr_group(url: str, *, mode: ZarrMode) -> zarr.Group:
    """Open a Zarr v3 group at a path or URL.

    Parameters
    ----------
    url
        Local path, or any URL that fsspec knows.
    mode
        ``"r"``, ``"r+"`` or ``"w"`` as zarr has them.
    """
    return zarr.open_group(zarr_store(url, mode=mode), mode=mode, zarr_format=3)


def zarr_store(url: str, *, mode: ZarrMode) -> LocalStore | FsspecStore:
    """Return the zarr store of a path or URL; local ones can use the fast codec pipelines."""
    if is_local(url):
        return LocalStore(split_url(url)[1], read_only=mode == "r")
    return FsspecStore.from_url(url, read_only=mode == "r")


def fetch_deposit(uri: str, *, scratch: Path, progress: Progress | None = None) -> FetchedFile:
    """Hash a deposit, copying it to disk on the way when it is remote.

    Parameters
    ----------
    uri
        Path or URL of a file, or of a folder (Zarr, 10x mtx).
    scratch
        Folder for the copy of a remote deposit.
    progress
        Called with bytes done and bytes in all.

    Raises
    ------
    SourceError
        Nothing is there, or it is an empty file.
    """
    fs, path = split_url(uri)
    if not fs.exists(path):
        raise SourceError(
            expected="a file or folder",
            found=f"nothing at {uri}",
            remedy="Check the path; quote it if it holds spaces.",
        )
    local = is_local(uri)
    target = Path(path) if local else scratch / Path(path.rstrip("/")).name
    if fs.isdir(path):
        if not local:
            fs.get(path, str(target), recursive=True)
        manifest = tree_manifest(str(target))
        sha256 = manifest.digest.removeprefix("sha256:")
        return FetchedFile(path=target, sha256=sha256, size_bytes=manifest.size_bytes)
    size = int(fs.size(path))
    if size == 0:
        raise SourceError(
            expected="a file with cells in it",
            found=f"an empty file at {uri}",
            remedy="Copy the deposit again; the transfer may have been cut off.",
        )
    with fs.open(path, "rb") as source:
        sha256 = _hash_stream(
            source, copy_to=None if local else target, size=size, progress=progress
        )
    return FetchedFile(path=target, sha256=sha256, size_bytes=size)


def tree_manifest(url: str) -> TreeManifest:
    """Hash a file, or every file of a folder, into one digest that ignores where it lies.

    Parameters
    ----------
    url
        Folder or file, local or remote.
    """
    fs, root = split_url(url)
    if fs.isfile(root):
        digest, size = _hash_file(fs, root)
        return TreeManifest(digest=f"sha256:{digest}", n_files=1, size_bytes=size)
    lines, total = [], 0
    names = sorted(fs.find(root))
    for name in names:
        digest, size = _hash_file(fs, name)
        total += size
        lines.append(f"{relative_path(name, root)}\t{digest}\t{size}\n")
    digest = hashlib.sha256("".join(lines).encode()).hexdigest()
    return TreeManifest(digest=f"sha256:{digest}", n_files=len(names), size_bytes=total)


def _hash_file(fs: fsspec.AbstractFileSystem, path: str) -> tuple[str, int]:
    with fs.open(path, "rb") as stream:
        return _hash_stream(stream), int(fs.size(path))


def _protocols(fs: fsspec.AbstractFileSystem) -> tuple[str, ...]:
    return (fs.protocol,) if isinstance(fs.protocol, str) else tuple(fs.protocol)


def relative_path(name: str, root: str) -> str:
    """Return a listed path relative to the folder it was listed in; a file's own name for itself."""
    return name[len(root) :].lstrip("/") or Path(name).name


def _hash_stream(
    stream: ReadableStream,
    *,
    copy_to: Path | None = None,
    size: int = 0,
    progress: Progress | None = None,
) -> str:
    digest, done = hashlib.sha256(), 0
    copy = copy_to.open("wb") if copy_to else None
    try:
        while block := stream.read(BLOCK_BYTES):
            digest.update(block)
            done += len(block)
            if copy:
                copy.write(block)
            if progress:
                progress(done, size)
    finally:
        if copy:
            copy.close()
    return digest.hexdigest()
