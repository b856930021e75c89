"""The command line in this process, on a home of its own."""

import sys
from typing import NamedTuple

import pytest

from genemamba.cli.main import main


class Done(NamedTuple):
    """A finished command."""

    code: int
    out: str
    err: str


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home that is not there yet; nothing else is set."""
    monkeypatch.chdir(tmp_path)
    for name in ("DATABASE_URL", "DASK_SCHEDULER", "CONFIG"):
        monkeypatch.delenv(f"GENEMAMBA_{name}", raising=False)
    monkeypatch.setenv("GENEMAMBA_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def run(home, monkeypatch, capsys):
    """Run ``genemamba`` with some arguments."""

    def run_main(*arguments):
        monkeypatch.setattr(sys, "argv", ["genemamba", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
        written = capsys.readouterr()
        return Done(stop.value.code or 0, written.out, written.err)

    return run_main
