"""Real processes that ingest a small deposit, side by side, undisturbed or killed on the way."""

import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from flows.command_runs import QUIET_PREFECT
from tests.small_atlas import small_adata
from tests.support import ROOT, Done, home_environment


class Fault(NamedTuple):
    """The call at which a process is killed."""

    point: str
    """Function as ``module:name``."""
    given: str = ""
    """Text that its arguments hold; calls without it do not count."""
    within: str = ""
    """Function that must have been called before, as ``module:name``."""
    nth: int = 1
    """Which of the calls."""
    moment: str = "before"
    """Whether it dies ``before`` the call, ``after`` it, or ``halfway`` through its bytes."""


class Forks:
    """Commands as forks of a process that has imported everything; see `fork_server`."""

    def __init__(self, folder: Path) -> None:
        self._output = folder / "output"
        server = Path(__file__).with_name("fork_server.py")
        self._server = subprocess.Popen(
            [sys.executable, server],
            cwd=ROOT,
            # What killed processes leave in the folder for temporary files goes with the tests'.
            env=home_environment(folder / "home")
            | QUIET_PREFECT
            | {"PYTHONPATH": str(ROOT), "TMPDIR": str(folder)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, home: Path, *arguments: str | Path, fault: Fault | None = None) -> Done:
        """Run one command to its end."""
        return self.run_together([(home, arguments)], fault=fault)[0]

    def run_together(self, commands, *, fault: Fault | None = None) -> list[Done]:
        """Run commands side by side to the end of the last."""
        line = json.dumps(
            [
                {
                    "home": str(home),
                    "arguments": [str(argument) for argument in arguments],
                    "fault": fault and fault._asdict(),
                    "output": f"{self._output}-{number}",
                }
                for number, (home, arguments) in enumerate(commands)
            ]
        )
        self._server.stdin.write(f"{line}\n")
        self._server.stdin.flush()
        return [Done(*result) for result in json.loads(self._server.stdout.readline())]

    def close(self) -> None:
        """Let the process end."""
        self._server.stdin.close()
        self._server.wait(timeout=60)
        self._server.stdout.close()


@pytest.fixture(scope="session")
def forks(tmp_path_factory, server):
    """Runs commands; Prefect's server is there already."""
    forks = Forks(tmp_path_factory.mktemp("forks"))
    yield forks
    forks.close()


@pytest.fixture(scope="session")
def study(tmp_path_factory) -> Path:
    """A deposit of 300 cells, which makes five shards of each array."""
    path = tmp_path_factory.mktemp("deposits") / "study.h5ad"
    small_adata(n_obs=300).write_h5ad(path)
    return path


@pytest.fixture(scope="session")
def command(study) -> tuple[str | Path, ...]:
    """Arguments that ingest the deposit."""
    return ("ingest", study, "--atlas", "lung", "--doublets", "no", "--json")


@pytest.fixture(scope="session")
def calm(tmp_path_factory, forks, command) -> tuple[Path, dict]:
    """A home into which the deposit was ingested undisturbed, and what the command printed."""
    home = tmp_path_factory.mktemp("calm") / "home"
    done = forks.run(home, *command)
    assert done.returncode == 0, done.stderr
    return home, done.document
