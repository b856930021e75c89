"""Whether a file or folder still is what it was when it was hashed, and which file is not."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from genemamba.storage import (
    FileDigest,
    hash_file,
    join_url,
    relative_path,
    split_url,
    tree_manifest,
)

Fault = Literal["missing", "changed", "added", "unreadable"]
"""What is wrong with a file."""

Advance = Callable[[int], None]
"""Called with the number of bytes that are done since it was called last."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FileFault:
    """A file that is not as recorded."""

    path: str
    """Relative to the folder; empty where the fault is the artifact's own."""
    fault: Fault
    """What is wrong with it."""
    expected: str | None = None
    """Its digest on record, ``sha256:`` and 64 hex digits; None for an added file."""
    found: str | None = None
    """Its digest now, or why it cannot be read; None where nothing is there."""


def check_artifact(
    url: str, *, digest: str, files: Sequence[FileDigest] = (), advance: Advance | None = None
) -> list[FileFault]:
    """Read a file or folder again, and compare every byte with the record.

    Parameters
    ----------
    url
        Where it lies.
    digest
        `genemamba.storage.TreeManifest.digest` on record.
    files
        Files of the folder on record. Where there are none, the digest tells a damaged folder
        but not which of its files it is.
    advance
        Told how many bytes were read.

    Returns
    -------
    Every fault, by path; none where all is as recorded.
    """
    fs, root = split_url(url)
    # Listings are kept by object stores' filesystems, and this is about what is there now.
    fs.invalidate_cache()
    if not fs.exists(root):
        return [FileFault(path="", fault="missing", expected=digest)]
    if files and fs.isdir(root):
        return sorted(_check_files(url, files, advance or _ignore), key=lambda fault: fault.path)
    try:
        manifest = tree_manifest(url)
    except OSError as error:
        return [_unreadable("", digest, error)]
    (advance or _ignore)(manifest.size_bytes)
    if manifest.digest == digest:
        return []
    return [FileFault(path="", fault="changed", expected=digest, found=manifest.digest)]


def _check_files(url: str, files: Sequence[FileDigest], advance: Advance) -> Iterator[FileFault]:
    fs, root = split_url(url)
    there = {relative_path(name, root) for name in fs.find(root)}
    for file in files:
        if file.path not in there:
            yield FileFault(path=file.path, fault="missing", expected=f"sha256:{file.sha256}")
            continue
        try:
            sha256, _ = hash_file(join_url(url, file.path))
        except OSError as error:
            yield _unreadable(file.path, f"sha256:{file.sha256}", error)
            continue
        finally:
            advance(file.size_bytes)
        if sha256 != file.sha256:
            yield FileFault(
                path=file.path,
                fault="changed",
                expected=f"sha256:{file.sha256}",
                found=f"sha256:{sha256}",
            )
    for path in there.difference(file.path for file in files):
        yield FileFault(path=path, fault="added")


def _unreadable(path: str, expected: str, error: OSError) -> FileFault:
    reason = error.strerror or str(error)
    return FileFault(path=path, fault="unreadable", expected=expected, found=reason)


def _ignore(_n_bytes: int) -> None:
    """Tell nobody."""
