"""Fetching and hashing, against hashlib itself."""

import hashlib

import fsspec
import pytest

from genemamba.errors import SourceError
from genemamba.storage import fetch_deposit, is_local, tree_manifest


def test_a_local_deposit_is_hashed_where_it_lies(tmp_path):
    deposit = tmp_path / "cells.csv"
    deposit.write_bytes(b"gene,1\n" * 1000)

    fetched = fetch_deposit(str(deposit), scratch=tmp_path / "scratch")

    assert fetched.path == deposit
    assert fetched.sha256 == hashlib.sha256(deposit.read_bytes()).hexdigest()
    assert fetched.size_bytes == 7000


def test_a_remote_deposit_is_copied_while_it_is_hashed(tmp_path):
    content = bytes(range(256)) * 50_000
    fsspec.filesystem("memory").pipe("/bucket/cells.h5ad", content)

    fetched = fetch_deposit("memory://bucket/cells.h5ad", scratch=tmp_path)

    assert fetched.path == tmp_path / "cells.h5ad"
    assert fetched.path.read_bytes() == content
    assert fetched.sha256 == hashlib.sha256(content).hexdigest()


def test_a_missing_deposit_is_refused_by_name(tmp_path):
    with pytest.raises(SourceError, match=r"found nothing at .*absent\.h5ad"):
        fetch_deposit(str(tmp_path / "absent.h5ad"), scratch=tmp_path)


def test_an_empty_deposit_is_refused(tmp_path):
    (tmp_path / "empty.h5ad").touch()

    with pytest.raises(SourceError, match="found an empty file"):
        fetch_deposit(str(tmp_path / "empty.h5ad"), scratch=tmp_path)


def test_a_tree_digest_is_that_of_its_sorted_manifest(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "two").write_bytes(b"22")
    (tmp_path / "a").write_bytes(b"1")

    manifest = tree_manifest(str(tmp_path))

    one, two = (hashlib.sha256(content).hexdigest() for content in (b"1", b"22"))
    expected = hashlib.sha256(f"a\t{one}\t1\nb/two\t{two}\t2\n".encode()).hexdigest()
    assert manifest.digest == f"sha256:{expected}"
    assert (manifest.n_files, manifest.size_bytes) == (2, 3)


def test_a_tree_digest_does_not_depend_on_where_the_tree_lies(tmp_path):
    memory = fsspec.filesystem("memory")
    memory.pipe("/elsewhere/tree/a", b"1")
    memory.pipe("/elsewhere/tree/b/two", b"22")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "two").write_bytes(b"22")
    (tmp_path / "a").write_bytes(b"1")

    assert tree_manifest("memory://elsewhere/tree") == tree_manifest(str(tmp_path))


@pytest.mark.parametrize(
    ("url", "local"),
    [
        pytest.param("cells.h5ad", True, id="relative path"),
        pytest.param("file:///data/cells.h5ad", True, id="file URL"),
        pytest.param("memory://bucket/cells.h5ad", False, id="memory"),
    ],
)
def test_only_paths_and_file_urls_are_local(url, local):
    assert is_local(url) is local
