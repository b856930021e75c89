"""Damage done to files by hand, and what the check says of it."""

import hashlib

import fsspec
import pytest

from genemamba.file_audit import FileFault, check_artifact
from genemamba.storage import tree_manifest


def sha256(content):
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@pytest.fixture(params=["local", "memory"])
def folder(request, tmp_path):
    """A folder of three files, here and on a filesystem that is no disk."""
    fs = fsspec.filesystem(request.param)
    root = str(tmp_path / "store") if request.param == "local" else "memory://audit/store"
    for path, content in {"zarr.json": b"{}", "X/c/0": b"0" * 10, "X/c/1": b"1" * 10}.items():
        fs.makedirs(f"{root}/{path}".rpartition("/")[0], exist_ok=True)
        fs.pipe_file(f"{root}/{path}", content)
    yield fs, root
    fs.rm(root, recursive=True)


def check(url, manifest, **options):
    return check_artifact(url, digest=manifest.digest, files=manifest.files, **options)


def test_an_untouched_folder_has_no_faults_and_every_byte_is_counted(folder):
    _, root = folder
    counted = []

    assert check(root, tree_manifest(root), advance=counted.append) == []
    assert sum(counted) == 22


def test_each_damaged_file_is_named_with_what_was_expected_and_found(folder):
    fs, root = folder
    manifest = tree_manifest(root)
    fs.pipe_file(f"{root}/X/c/0", b"0" * 9 + b"1")
    fs.rm(f"{root}/X/c/1")
    fs.pipe_file(f"{root}/X/c/2", b"2")

    assert check(root, manifest) == [
        FileFault(
            path="X/c/0",
            fault="changed",
            expected=sha256(b"0" * 10),
            found=sha256(b"0" * 9 + b"1"),
        ),
        FileFault(path="X/c/1", fault="missing", expected=sha256(b"1" * 10)),
        FileFault(path="X/c/2", fault="added"),
    ]


def test_a_folder_that_is_gone_is_one_fault(folder):
    fs, root = folder
    manifest = tree_manifest(root)
    fs.rm(root, recursive=True)

    assert check(root, manifest) == [FileFault(path="", fault="missing", expected=manifest.digest)]
    fs.makedirs(root, exist_ok=True)


def test_a_folder_whose_files_were_not_recorded_is_told_to_be_changed(folder):
    fs, root = folder
    manifest = tree_manifest(root)
    fs.pipe_file(f"{root}/X/c/0", b"other")

    (fault,) = check_artifact(root, digest=manifest.digest)

    assert fault == FileFault(
        path="", fault="changed", expected=manifest.digest, found=tree_manifest(root).digest
    )


def test_a_file_is_compared_with_its_own_digest(tmp_path):
    file = tmp_path / "manifest.json"
    file.write_bytes(b"{}")

    sound = check_artifact(str(file), digest=sha256(b"{}"))
    file.write_bytes(b"[]")
    damaged = check_artifact(str(file), digest=sha256(b"{}"))

    assert sound == []
    assert damaged == [
        FileFault(path="", fault="changed", expected=sha256(b"{}"), found=sha256(b"[]"))
    ]


def test_a_folder_that_became_a_file_is_changed(tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "a").write_bytes(b"a")
    manifest = tree_manifest(str(tmp_path / "store"))
    (tmp_path / "store" / "a").unlink()
    (tmp_path / "store").rmdir()
    (tmp_path / "store").write_bytes(b"a")

    (fault,) = check(str(tmp_path / "store"), manifest)

    assert (fault.path, fault.fault, fault.found) == ("", "changed", sha256(b"a"))


def test_a_file_that_cannot_be_read_is_named_with_the_reason(tmp_path):
    """A folder stands where a link leads, so that reading fails for every user."""
    (tmp_path / "store").mkdir()
    for name in ("a", "b"):
        (tmp_path / "store" / name).write_bytes(name.encode())
    manifest = tree_manifest(str(tmp_path / "store"))
    (tmp_path / "store" / "a").unlink()
    # A link to itself is listed as a file and fails when it is opened.
    (tmp_path / "store" / "a").symlink_to("a")

    (fault,) = check(str(tmp_path / "store"), manifest)

    assert (fault.path, fault.fault) == ("a", "unreadable")
    assert fault.found == "Too many levels of symbolic links"
