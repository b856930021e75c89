"""Files and folders on any filesystem: opening, fetching and hashing them."""

import hashlib
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, NamedTuple, Protocol

import fsspec
import zarr
from fsspec.core import url_to_fs
from zarr.storage import FsspecStore, LocalStore

from genemamba.errors import SourceError
from genemamba.members import MATRIX_NAME, deposit_files

BLOCK_BYTES: Final = 4 * 1024 * 1024
"""Read size when hashing: large enough that the hash, not the call, is the cost."""

Progress = Callable[[int, int], None]
"""Called with (done, total); the caller decides whether and how to show it."""


ZarrMode = Literal["r", "r+", "a", "w"]
"""Read, change, change or create, or replace."""


class ReadableStream(Protocol):
    """Anything with a binary ``read``."""

    def read(self, size: int, /) -> bytes:
        """Return at most that many bytes; none at the end."""
        ...


class FileDigest(NamedTuple):
    """A file of a folder."""

    path: str
    """Relative to the folder."""
    sha256: str
    """64 hex digits over its bytes."""
    size_bytes: int
    """Bytes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TreeManifest:
    """What a file or folder holds, in one digest."""

    digest: str
    """``sha256:`` and 64 hex digits: over the bytes of a file; for a folder `digest_files`."""
    n_files: int
    """Files in all."""
    size_bytes: int
    """Bytes in all."""
    files: tuple[FileDigest, ...] = ()
    """Every file of a folder, sorted by path; none for a file, which the digest names."""


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


def remove_all_but(url: str, kept: Container[str]) -> None:
    """Remove the files of a folder, such as those that a killed attempt left, except for some.

    Parameters
    ----------
    url
        The folder, local or remote; may be absent.
    kept
        Paths of the files that stay, as their filesystem gives them.
    """
    fs, root = split_url(url)
    fs.invalidate_cache()
    for path in fs.find(root):
        if path not in kept:
            fs.rm_file(path)


def open_zarr_group(url: str, *, mode: ZarrMode) -> zarr.Group:
    """Open a Zarr v3 group at a path or URL.

    Parameters
    ----------
    url
        Local path, or any URL that fsspec knows.
    mode
        As zarr has them.
    """
    return zarr.open_group(zarr_store(url, mode=mode), mode=mode, zarr_format=3)


def zarr_store(url: str, *, mode: ZarrMode) -> LocalStore | FsspecStore:
    """Return the zarr store of a path or URL; local ones can use the fast codec pipelines."""
    if is_local(url):
        return LocalStore(split_url(url)[1], read_only=mode == "r")
    return FsspecStore.from_url(url, read_only=mode == "r")


def tree_manifest(url: str, *, progress: Progress | None = None) -> TreeManifest:
    """Hash a file, or every file of a folder, into one digest that ignores where it lies.

    The matrix of a 10x mtx deposit is hashed with its two tables, and its folder without any
    other file.

    Parameters
    ----------
    url
        Folder or file, local or remote.
    progress
        Called with bytes done and bytes in all, after each file of a folder.
    """
    fs, root = split_url(url)
    names = deposit_parts(fs, root)
    if names is None:
        digest, size = _hash_file(fs, root)
        return TreeManifest(digest=f"sha256:{digest}", n_files=1, size_bytes=size)
    folder = root if fs.isdir(root) else root.rpartition("/")[0]
    in_all = sum(int(fs.size(name)) for name in names) if progress else 0
    files: list[FileDigest] = []
    done = 0
    for name in names:
        files.append(FileDigest(relative_path(name, folder), *_hash_file(fs, name)))
        done += files[-1].size_bytes
        if progress:
            progress(done, in_all)
    return TreeManifest(
        digest=digest_files(files), n_files=len(files), size_bytes=done, files=tuple(files)
    )


def digest_files(files: Iterable[FileDigest]) -> str:
    """Return the digest of a folder: over the sorted lines ``path<TAB>sha256<TAB>size``."""
    lines = "".join(f"{path}\t{sha256}\t{size}\n" for path, sha256, size in sorted(files))
    return f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}"


def hash_file(url: str) -> tuple[str, int]:
    """Return the sha256 of a file at a path or URL, 64 hex digits, and its size in bytes."""
    fs, path = split_url(url)
    return _hash_file(fs, path)


def deposit_parts(fs: fsspec.AbstractFileSystem, path: str) -> list[str] | None:
    """Return the files of a deposit that is more than one; None for a single file.

    Parameters
    ----------
    fs, path
        Where the deposit lies: a folder, or a file.
    """
    root = path.rstrip("/")
    is_folder = fs.isdir(path)
    folder = root if is_folder else root.rpartition("/")[0]
    named = None if is_folder else root.rpartition("/")[2]
    if named and not MATRIX_NAME.fullmatch(named):
        return None
    below = [entry["name"] for entry in fs.ls(folder, detail=True) if entry["type"] == "file"]
    members = deposit_files([name.rpartition("/")[2] for name in below], named=named)
    if members is not None:
        return [f"{folder}/{name}" for name in members]
    return sorted(fs.find(root)) if is_folder else None


def _hash_file(fs: fsspec.AbstractFileSystem, path: str) -> tuple[str, int]:
    with fs.open(path, "rb") as stream:
        return hash_stream(stream), int(fs.size(path))


def _protocols(fs: fsspec.AbstractFileSystem) -> tuple[str, ...]:
    return (fs.protocol,) if isinstance(fs.protocol, str) else tuple(fs.protocol)


def relative_path(name: str, root: str) -> str:
    """Return a listed path relative to the folder it was listed in; a file's own name for itself."""
    return name[len(root) :].lstrip("/") or Path(name).name


def hash_stream(
    stream: ReadableStream,
    *,
    copy_to: Path | None = None,
    size: int = 0,
    progress: Progress | None = None,
) -> str:
    """Return the sha256 of a stream in hex, copying it on the way where a path is given."""
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
