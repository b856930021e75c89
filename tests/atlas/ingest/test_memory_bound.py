"""Ten times the cells take no more memory, in a process that the system gives no more."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.atlas.ingest.large_deposit import write_large
from tests.small_atlas import small_adata, small_entry
from tests.support import ROOT

LIMIT = 1024**3
"""Bytes of address space, of which Python and its libraries take half."""


class Ingested(NamedTuple):
    """What a process said when it had ingested a deposit."""

    nnz: int
    peak: int


def run(what: str, deposit: Path):
    return subprocess.run(
        [
            sys.executable,
            Path(__file__).with_name("bounded_ingest.py"),
            what,
            deposit,
            deposit.parent,
            str(LIMIT),
        ],
        # A thread's arena reserves 64 MB of addresses, whatever it uses of them.
        env=os.environ | {"MALLOC_ARENA_MAX": "1", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def deposits(tmp_path_factory):
    """One deposit, and one with ten times its cells; removed at the end, since they are large."""
    folder = tmp_path_factory.mktemp("bounded")
    # Compiling takes memory, and is done once a machine.
    small_entry(folder, "compiled", small_adata())
    paths = [write_large(folder / f"cells{n_obs}.h5ad", n_obs=n_obs) for n_obs in (2000, 20_000)]
    yield paths
    for path in paths:
        path.unlink()


@pytest.fixture(scope="module")
def ingested(deposits):
    """What the processes said that ingested them."""
    results = [run("ingest", path) for path in deposits]
    assert [done.returncode for done in results] == [0, 0], [done.stderr for done in results]
    return [Ingested(**json.loads(done.stdout)) for done in results]


def test_both_are_ingested_whole_under_one_limit(ingested):
    assert [done.nnz for done in ingested] == [8_000_000, 80_000_000]


def test_ten_times_the_cells_take_no_more_memory(ingested):
    one, ten = (done.peak for done in ingested)

    assert one < LIMIT
    assert abs(ten - one) < 0.1 * one


def test_the_limit_is_too_low_to_hold_the_larger_matrix(deposits):
    one, ten = (run("hold", path) for path in deposits)

    assert (one.returncode, ten.returncode) == (0, 1)
    assert "MemoryError" in ten.stderr or "Unable to allocate" in ten.stderr
