"""``genemamba ingest --memory`` keeps to its bound, from its start to its end."""

import json
import re
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from tests.atlas.ingest.large_deposit import NNZ_PER_CELL, write_large
from tests.support import GENEMAMBA, ROOT, home_environment

LIMIT = 1024**3
N_OBS = 12_000


@pytest.fixture
def deposit(tmp_path):
    """Counts that take more memory than the bound if all are held at once."""
    path = write_large(tmp_path / "large.h5ad", n_obs=N_OBS)
    yield path
    path.unlink()


def peak_of_tree(process: subprocess.Popen) -> int:
    """Watch a process and its children to its end; return the most that each held, added up."""
    root, peaks = psutil.Process(process.pid), {}
    while process.poll() is None:
        for one in (root, *root.children(recursive=True)):
            peaks[one.pid] = max(peaks.get(one.pid, 0), peak_rss(one.pid))
        time.sleep(0.05)
    return sum(peaks.values())


def peak_rss(pid: int) -> int:
    """Return the most bytes that a process held so far; none where it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    found = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
    return 1024 * int(found[1]) if found else 0


def test_the_command_keeps_to_its_bound(deposit, tmp_path, server):
    out = tmp_path / "out.json"
    with out.open("w") as stream:
        process = subprocess.Popen(
            [
                *GENEMAMBA,
                "ingest",
                deposit,
                "--atlas",
                "large",
                "--memory",
                "1GiB",
                "--doublets",
                "no",
                "--json",
            ],
            cwd=ROOT,
            env=home_environment(tmp_path / "home"),
            stdout=stream,
        )
        peak = peak_of_tree(process)

    assert process.returncode == 0
    (found,) = json.loads(out.read_text())["deposits"]
    assert found["nnz"] == N_OBS * NNZ_PER_CELL
    assert peak < LIMIT
