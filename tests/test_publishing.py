"""Staging, publication and refusals to write, on real folders."""

import errno
import subprocess
import sys
from contextlib import ExitStack

import fsspec
import pytest

from genemamba.errors import SchemaError, StorageError
from genemamba.publishing import (
    exclusive_folder,
    publish,
    readable_folder,
    staging_area,
    storage_errors,
    sweep_staging,
    writable_folder,
)
from tests.support import ROOT


def test_published_files_appear_under_their_name_only(tmp_path):
    with staging_area(str(tmp_path), owner="pid-1") as area:
        with writable_folder(f"{area}/model") as folder:
            (folder / "weights").write_bytes(b"w")
        publish(f"{area}/model", str(tmp_path / "models" / "abc"))

    assert [str(p.relative_to(tmp_path)) for p in sorted(tmp_path.rglob("*")) if p.is_file()] == [
        "models/abc/weights"
    ]
    assert list((tmp_path / "staging").iterdir()) == []


def test_who_publishes_second_leaves_the_first_as_it_is(tmp_path):
    for content in (b"first", b"second"):
        staged = tmp_path / content.decode()
        staged.mkdir()
        (staged / "weights").write_bytes(content)
        publish(str(staged), str(tmp_path / "models" / "abc"))

    assert (tmp_path / "models" / "abc" / "weights").read_bytes() == b"first"
    assert not (tmp_path / "second").exists()


def test_the_commit_mark_is_copied_last_to_an_object_store(monkeypatch):
    memory = fsspec.filesystem("memory")
    for name in ("a", "zarr.json", "z/part"):
        memory.pipe(f"/home/staging/x/{name}", name.encode())
    copied = []
    copy = type(memory).copy
    monkeypatch.setattr(
        type(memory),
        "copy",
        lambda fs, source, target, **options: (
            copied.append(target),
            copy(fs, source, target, **options),
        ),
    )

    publish("memory://home/staging/x", "memory://home/stores/y", commit_mark="zarr.json")

    assert copied[-1] == "/home/stores/y/zarr.json"
    assert memory.cat("/home/stores/y/z/part") == b"z/part"
    assert not memory.exists("/home/staging/x")


def write_half_a_store(home):
    with staging_area(str(home), owner="p") as area, writable_folder(f"{area}/store") as folder:
        (folder / "half").touch()
        (folder / "absent").read_bytes()


def test_an_area_is_removed_when_the_work_in_it_fails(tmp_path):
    with pytest.raises(FileNotFoundError, match="absent"):
        write_half_a_store(tmp_path)

    assert list((tmp_path / "staging").iterdir()) == []


def half_done(home, *, refuse=False):
    with staging_area(str(home), owner="resume-1", keep=True) as area:
        with writable_folder(f"{area}/store") as folder:
            (folder / "half").touch()
        if refuse:
            raise SchemaError(expected="a", found="b", remedy="c")
        (folder / "absent").read_bytes()


def test_an_area_that_is_kept_is_found_again_as_it_was_left(tmp_path):
    with pytest.raises(FileNotFoundError, match="absent"):
        half_done(tmp_path)

    assert (tmp_path / "staging" / "resume-1" / "store" / "half").is_file()
    with staging_area(str(tmp_path), owner="resume-1", keep=True) as area:
        assert area == str(tmp_path / "staging" / "resume-1")
        assert (tmp_path / "staging" / "resume-1" / "store" / "half").is_file()
    assert list((tmp_path / "staging").iterdir()) == []


def test_a_refusal_leaves_nothing_to_go_on_with(tmp_path):
    with pytest.raises(SchemaError, match="Expected a, found b"):
        half_done(tmp_path, refuse=True)

    assert list((tmp_path / "staging").iterdir()) == []


def test_only_the_areas_of_dead_owners_are_swept(tmp_path):
    for name in ("pid-1-a", "pid-2-b"):
        (tmp_path / "staging" / name).mkdir(parents=True)

    swept = sweep_staging(str(tmp_path), is_dead=lambda name: name.startswith("pid-1"))

    assert swept == ["pid-1-a"]
    assert [path.name for path in (tmp_path / "staging").iterdir()] == ["pid-2-b"]


def test_remote_folders_are_written_and_read_through_a_local_one():
    with writable_folder("memory://home/models/m") as folder:
        (folder / "config.json").write_text("{}")

    with readable_folder("memory://home/models/m") as folder:
        assert (folder / "config.json").read_text() == "{}"


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        pytest.param(errno.ENOSPC, "Free some space", id="full disk"),
        pytest.param(errno.EACCES, "write permission", id="no permission"),
        pytest.param(errno.EROFS, "disk that can be written", id="read-only disk"),
    ],
)
def test_a_refusal_to_write_says_where_and_what_to_do(code, advice):
    with pytest.raises(StorageError, match=rf"write under HOME.*{advice}"), storage_errors("HOME"):
        raise OSError(code, "refused")


def test_a_folder_belongs_to_one_process_until_its_work_ends_well(tmp_path):
    folder = tmp_path / "training" / "key"
    with exclusive_folder(folder) as mine:
        mine.mkdir()
        with exclusive_folder(folder) as other:
            assert other is None
        assert mine.is_dir()

    # The lock stays: who waits for it holds this very file open.
    assert [path.name for path in (tmp_path / "training").iterdir()] == ["key.lock"]


WAITER = """
import sys
from pathlib import Path
from genemamba.publishing import exclusive_folder

print("here", flush=True)
with exclusive_folder(Path(sys.argv[1]), wait=True) as mine:
    print(sorted(path.name for path in mine.parent.iterdir()), flush=True)
"""


def test_who_waits_gets_the_folder_when_the_other_has_done(tmp_path):
    folder = tmp_path / "key"
    command = [sys.executable, "-c", WAITER, str(folder)]
    with ExitStack() as stack:
        with exclusive_folder(folder) as mine:
            mine.mkdir()
            waiter = stack.enter_context(
                subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
            )
            assert waiter.stdout.readline() == "here\n"
            with pytest.raises(subprocess.TimeoutExpired, match="timed out"):
                waiter.wait(timeout=0.5)
            (tmp_path / "done").touch()
        # What the other left is gone, and its lock is still the same file.
        assert waiter.stdout.readline() == "['done', 'key.lock']\n"
        assert waiter.wait(timeout=60) == 0


def test_a_refusal_leaves_no_folder_to_go_on_with(tmp_path):
    def refuse():
        with exclusive_folder(tmp_path / "key") as mine:
            mine.mkdir()
            raise SchemaError(expected="a", found="b", remedy="c")

    with pytest.raises(SchemaError, match="Expected a, found b"):
        refuse()

    assert not (tmp_path / "key").exists()


def test_a_folder_outlives_work_that_fails(tmp_path):
    def fail():
        with exclusive_folder(tmp_path / "key") as mine:
            mine.mkdir()
            (mine / "absent").read_bytes()

    with pytest.raises(FileNotFoundError, match="absent"):
        fail()

    assert (tmp_path / "key").is_dir()
