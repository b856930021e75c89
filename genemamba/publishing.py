"""Writing that is whole or not there: staging areas, atomic publication, refusals to write."""

import errno
import fcntl
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import fsspec

from genemamba.errors import InputError, StorageError
from genemamba.storage import is_local, join_url, relative_path, split_url


def publish(staging: str, final: str, *, commit_mark: str | None = None) -> None:
    """Move a finished folder or file to its name; whoever comes second leaves the first as it is.

    A local move is one rename; a folder there that lost its commit mark is moved away first. An
    object store has no rename, so objects are copied there with the commit mark last: a reader
    that finds the mark finds everything.

    Parameters
    ----------
    staging
        What was written, complete.
    final
        The name under which it is to be read. Contents are addressed by digest, so an existing
        one is the same.
    commit_mark
        File name, relative to the folder, that readers look for.

    Raises
    ------
    StorageError
        The target cannot be written.
    """
    fs, source = split_url(staging)
    _, target = split_url(final)
    if fs.exists(join_url(target, commit_mark) if commit_mark else target):
        fs.rm(source, recursive=True)
        return
    with storage_errors(final):
        if is_local(final):
            Path(target).parent.mkdir(parents=True, exist_ok=True)
            if commit_mark and Path(target).is_dir() and not Path(target, commit_mark).exists():
                # A rename brings the mark with it, so one without was damaged since.
                Path(target).rename(f"{source}.damaged")
            _rename_or_yield(Path(source), Path(target))
            return
        _copy_with_mark_last(fs, source, target, commit_mark)
        fs.rm(source, recursive=True)


@contextmanager
def staging_area(home: str, *, owner: str, keep: bool = False) -> Iterator[str]:
    """Yield a place under ``home/staging`` that is removed on the way out.

    Parameters
    ----------
    home
        The project's home, local or remote.
    owner
        Part of the name; `sweep_staging` finds the leftovers of a dead owner by it.
    keep
        Whether the place is the owner's alone and stays, with what is in it, when the block
        raises or is killed; an empty one with a name of its own otherwise.

    Raises
    ------
    StorageError
        The home cannot be written, or its disk is full.
    """
    url = join_url(home, "staging", owner if keep else f"{owner}-{uuid.uuid4().hex[:12]}")
    fs, path = split_url(url)
    with storage_errors(home):
        fs.makedirs(path, exist_ok=True)
        done = False
        try:
            yield url
            done = True
        except InputError:
            # A refusal is final: there is nothing to go on with.
            done = True
            raise
        finally:
            if (done or not keep) and fs.exists(path):
                fs.rm(path, recursive=True)


def sweep_staging(home: str, *, is_dead: Callable[[str], bool]) -> list[str]:
    """Remove what killed processes left under ``home/staging``; return the names removed.

    Parameters
    ----------
    home
        The project's home.
    is_dead
        Told the name of an area (``owner-…``), says whether its owner is gone.
    """
    fs, root = split_url(join_url(home, "staging"))
    if not fs.exists(root):
        return []
    names = [Path(path).name for path in fs.ls(root, detail=False)]
    dead = [name for name in names if is_dead(name)]
    for name in dead:
        fs.rm(join_url(root, name), recursive=True)
    return dead


@contextmanager
def storage_errors(where: str) -> Iterator[None]:
    """Turn the operating system's refusals to write into `StorageError` with a remedy."""
    try:
        yield
    except StorageError:
        raise
    except OSError as error:
        remedies = {
            errno.ENOSPC: "Free some space, or set GENEMAMBA_HOME to another disk.",
            errno.EDQUOT: "Free some of the quota, or set GENEMAMBA_HOME to another disk.",
            errno.EACCES: "Give yourself write permission, or set GENEMAMBA_HOME elsewhere.",
            errno.EPERM: "Give yourself write permission, or set GENEMAMBA_HOME elsewhere.",
            errno.EROFS: "Set GENEMAMBA_HOME to a disk that can be written.",
            errno.ENOTDIR: "Set GENEMAMBA_HOME to a folder.",
            errno.EEXIST: "Set GENEMAMBA_HOME to a folder.",
        }
        if error.errno not in remedies:
            raise
        msg = f"Expected to write under {where}, found: {error.strerror}. {remedies[error.errno]}"
        raise StorageError(msg) from error


@contextmanager
def exclusive_folder(folder: Path, *, wait: bool = False) -> Iterator[Path | None]:
    """Yield a folder of this machine for one process alone, or None while another has it.

    It is kept when the block fails or the process is killed, so that the next one can go on
    from what is in it, and removed when the block ends well. A killed process lets go of it.

    Parameters
    ----------
    folder
        The folder, which need not be there; beside it a lock of its name stays.
    wait
        Whether to wait until the other has done, instead of yielding None.

    Raises
    ------
    StorageError
        The folder cannot be written.
    """
    lock = folder.with_name(f"{folder.name}.lock")
    with storage_errors(str(folder)):
        lock.parent.mkdir(parents=True, exist_ok=True)
        stream = lock.open("w")
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield None
            return
        try:
            yield folder
        except InputError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def writable_folder(url: str) -> Iterator[Path]:
    """Yield a local folder whose files are at ``url`` when the block ends without an error."""
    fs, path = split_url(url)
    if is_local(url):
        Path(path).mkdir(parents=True)
        yield Path(path)
        return
    with TemporaryDirectory(prefix="genemamba-") as folder:
        yield Path(folder)
        fs.put(f"{folder}/", path, recursive=True)


@contextmanager
def writable_file(url: str) -> Iterator[Path]:
    """Yield a local path whose file is at ``url`` when the block ends without an error."""
    fs, path = split_url(url)
    with TemporaryDirectory(prefix="genemamba-") as folder:
        local = Path(folder) / path.rpartition("/")[2]
        yield local
        fs.put_file(str(local), path)


@contextmanager
def readable_folder(url: str) -> Iterator[Path]:
    """Yield a local folder with the files of ``url``, copied first where that is remote."""
    fs, path = split_url(url)
    if is_local(url):
        yield Path(path)
        return
    with TemporaryDirectory(prefix="genemamba-") as folder:
        fs.get(f"{path}/", folder, recursive=True)
        yield Path(folder)


def check_delivery(out: Path, *, suffix: str) -> None:
    """Refuse a place for a copy before any work is done for it.

    Parameters
    ----------
    out
        Path on this machine.
    suffix
        What its name must end with.

    Raises
    ------
    InputError
        The path has another ending, is there already, or lies in no folder.
    """
    faults = {
        f"a path that ends in {suffix}": not out.name.endswith(suffix),
        "a path at which nothing is yet": out.exists(),
        "a path in a folder of this machine": not out.parent.is_dir(),
    }
    for expected, is_fault in faults.items():
        if is_fault:
            raise InputError(
                expected=expected,
                found=str(out),
                remedy="Choose another path.",
                rule="delivery-path",
            )


def deliver(url: str, out: Path) -> None:
    """Copy a published file or folder to a path of the user's; it is whole there, or not there.

    Parameters
    ----------
    url
        What was published, local or remote.
    out
        Path on this machine, passed by `check_delivery`.

    Raises
    ------
    StorageError
        The path cannot be written.
    """
    fs, path = split_url(url)
    partial = out.with_name(f".{out.name}.partial")
    with storage_errors(str(out)):
        shutil.rmtree(partial, ignore_errors=True)
        try:
            if fs.isdir(path):
                partial.mkdir()
                fs.get(f"{path}/", str(partial), recursive=True)
            else:
                fs.get_file(path, str(partial))
            partial.rename(out)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
            partial.unlink(missing_ok=True)


def free_bytes(url: str) -> int | None:
    """Return the free space of a local path's disk in bytes; None for remote ones."""
    if not is_local(url):
        return None
    path = Path(split_url(url)[1])
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free


def _rename_or_yield(source: Path, target: Path) -> None:
    try:
        source.rename(target)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        shutil.rmtree(source)


def _copy_with_mark_last(
    fs: fsspec.AbstractFileSystem, source: str, target: str, commit_mark: str | None
) -> None:
    names = [source] if fs.isfile(source) else fs.find(source)
    names.sort(key=lambda name: relative_path(name, source) == commit_mark)
    for name in names:
        relative = relative_path(name, source)
        fs.copy(name, target if name == source else join_url(target, relative))
