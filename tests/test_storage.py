"""Hashing, against hashlib itself."""

import hashlib

import fsspec
import pytest

from genemamba.storage import is_local, remove_all_but, tree_manifest


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


def test_files_that_a_killed_attempt_left_are_removed_but_for_those_named(tmp_path):
    for name in ("a/0", "a/1", "b"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")

    remove_all_but(str(tmp_path), {str(tmp_path / "a/1")})
    remove_all_but(str(tmp_path / "absent"), set())

    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / "a/1"]
