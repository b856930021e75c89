"""A home is made ready, cleared of what the dead left, or refused."""

import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from genemamba.config import Settings
from genemamba.errors import CatalogError, StorageError
from genemamba.publishing import staging_area
from tasks.workspace import Workspace, open_workspace, staging_owner


def areas(workspace):
    return sorted(path.name for path in Path(workspace.home, "staging").iterdir())


def leave(workspace, name):
    area = Path(workspace.home, "staging", name)
    area.mkdir(parents=True)
    (area / "half").touch()
    return name


def test_a_new_home_and_its_catalog_are_made(workspace):
    workspace.prepare()

    assert [path.name for path in Path(workspace.home).iterdir() if "-" not in path.name] == [
        "catalog.db"
    ]
    with workspace.open_catalog() as catalog:
        assert catalog.atlases() == []


def test_the_leftovers_of_a_killed_process_are_swept(workspace):
    code = (
        "import sys, time; from genemamba.publishing import staging_area\n"
        "from tasks.workspace import staging_owner\n"
        "with staging_area(sys.argv[1], owner=staging_owner()): print(flush=True); time.sleep(60)"
    )
    root = Path(__file__).parent.parent.parent
    command = [sys.executable, "-c", code, workspace.home]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        workspace.prepare()
        (alive,) = areas(workspace)
        child.kill()

    workspace.prepare()

    assert alive.startswith(f"pid-{child.pid}-")
    assert areas(workspace) == []


def test_areas_of_the_living_and_of_other_machines_are_kept(workspace):
    started, host = int(psutil.Process().create_time()), socket.gethostname()
    pid = psutil.Process().pid
    earlier = leave(workspace, f"pid-{pid}-{started - 1000}-{host}-0123456789ab")
    kept = [
        leave(workspace, f"pid-{pid}-{started - 1}-{host}-0123456789ab"),
        leave(workspace, f"pid-{pid}-{started - 1000}-other-host-0123456789ab"),
        leave(workspace, "doctor-0123456789ab"),
    ]

    with staging_area(workspace.home, owner=staging_owner()) as mine:
        workspace.prepare()

        assert areas(workspace) == sorted([*kept, Path(mine).name])
    assert earlier not in areas(workspace)


@pytest.mark.parametrize(
    "place",
    [pytest.param("file", id="is a file"), pytest.param("file/home", id="is under a file")],
)
def test_a_home_that_is_no_folder_is_refused(workspace, tmp_path, place):
    (tmp_path / "file").touch()

    with pytest.raises(StorageError, match=r"Set GENEMAMBA_HOME to a folder\."):
        replace(workspace, home=str(tmp_path / place)).prepare()


def test_a_catalog_that_cannot_be_reached_is_refused(workspace):
    with pytest.raises(CatalogError, match="Expected a sqlite or postgresql URL, found 'mysql'"):
        replace(workspace, catalog_url="mysql://a/b").prepare()


def test_the_settings_in_force_become_the_workspace(tmp_path, monkeypatch):
    monkeypatch.setenv("GENEMAMBA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GENEMAMBA_DATABASE_URL", f"sqlite:///{tmp_path}/other.db")
    monkeypatch.setenv("GENEMAMBA_DASK_SCHEDULER", "tcp://a:1")

    workspace = open_workspace()

    assert workspace == Workspace(
        home=str(tmp_path / "home"),
        catalog_url=f"sqlite:///{tmp_path}/other.db",
        dask_scheduler="tcp://a:1",
    )
    assert (tmp_path / "other.db").is_file()


def test_the_cache_of_a_remote_home_lies_with_the_user(workspace):
    remote = Workspace.from_settings(Settings(home="memory://bucket/home"))

    assert remote.url("stores", "x") == "memory://bucket/home/stores/x"
    assert remote.cache("training") == Path.home() / ".cache" / "genemamba" / "training"
    assert workspace.cache("training") == Path(workspace.home) / "training"
