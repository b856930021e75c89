"""Copies for users, of what was published on any filesystem: whole at their place, or not there."""

import fsspec
import pytest

from genemamba.errors import InputError
from genemamba.publishing import check_delivery, deliver, writable_file


@pytest.fixture(params=["local", "remote"])
def published(request, tmp_path):
    """Where a folder and a file lie: a local path, or a URL."""
    root = str(tmp_path / "home") if request.param == "local" else "memory://home"
    fs, path = fsspec.core.url_to_fs(root)
    for name, content in (
        ("table.tsv", b"rows"), ("cells.zarr/zarr.json", b"{}"), ("cells.zarr/c/0", b"shard"),
    ):  # fmt: skip
        fs.makedirs(f"{path}/{name}".rpartition("/")[0], exist_ok=True)
        fs.pipe_file(f"{path}/{name}", content)
    yield root
    fs.rm(path, recursive=True)


def test_a_folder_and_a_file_are_copied_as_they_are(published, tmp_path):
    (out := tmp_path / "out").mkdir()

    deliver(f"{published}/cells.zarr", out / "mine.zarr")
    deliver(f"{published}/table.tsv", out / "mine.tsv")

    found = {str(p.relative_to(out)): p.read_bytes() for p in out.rglob("*") if p.is_file()}
    assert found == {"mine.zarr/zarr.json": b"{}", "mine.zarr/c/0": b"shard", "mine.tsv": b"rows"}


def test_what_cannot_be_copied_leaves_nothing_behind(published, tmp_path):
    (out := tmp_path / "out").mkdir()
    (out / "mine.zarr").mkdir()
    (out / "mine.zarr" / "of another").touch()

    with pytest.raises(OSError, match=r"not empty|exists"):
        deliver(f"{published}/cells.zarr", out / "mine.zarr")
    with pytest.raises(FileNotFoundError):
        deliver(f"{published}/absent", out / "absent")

    assert [str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()] == [
        "mine.zarr/of another"
    ]
    assert [path.name for path in out.iterdir()] == ["mine.zarr"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("cells.h5ad", r"ends in \.zarr, found .*cells\.h5ad", id="ending"),
        pytest.param("there.zarr", "at which nothing is yet, found .*there", id="there"),
        pytest.param("absent/cells.zarr", "in a folder of this machine, found", id="no folder"),
    ],
)
def test_a_place_where_no_copy_can_be_is_refused(tmp_path, name, expected):
    (tmp_path / "there.zarr").mkdir()

    check_delivery(tmp_path / "cells.zarr", suffix=".zarr")
    with pytest.raises(InputError, match=expected):
        check_delivery(tmp_path / name, suffix=".zarr")


def test_a_file_is_at_its_place_once_the_block_ended_well(published):
    fs, path = fsspec.core.url_to_fs(published)

    with pytest.raises(ZeroDivisionError), writable_file(f"{published}/half.tsv") as local:
        local.write_text(str(1 / 0))
    with writable_file(f"{published}/whole.tsv") as local:
        local.write_text("rows")

    assert not fs.exists(f"{path}/half.tsv")
    assert fs.cat_file(f"{path}/whole.tsv") == b"rows"
