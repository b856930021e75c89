"""Fetching and hashing, against hashlib itself."""

import hashlib

import fsspec
import pytest

from genemamba.errors import SourceError
from genemamba.fetching import fetch_deposit


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


def test_an_empty_folder_is_refused(tmp_path):
    (tmp_path / "empty.zarr").mkdir()

    with pytest.raises(SourceError, match=r"found no file in .*empty\.zarr"):
        fetch_deposit(str(tmp_path / "empty.zarr"), scratch=tmp_path)


def test_progress_is_told_in_bytes_of_the_whole_folder(tmp_path):
    (tmp_path / "a.zarr").mkdir()
    (tmp_path / "a.zarr" / "one").write_bytes(b"1" * 10)
    (tmp_path / "a.zarr" / "two").write_bytes(b"2" * 5)
    told = []

    fetch_deposit(str(tmp_path / "a.zarr"), scratch=tmp_path, progress=lambda *n: told.append(n))

    assert told == [(10, 15), (15, 15)]
