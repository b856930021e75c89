"""The command line in a process of its own, for tests that use it as a user does."""

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
GENEMAMBA = (sys.executable, "-m", "genemamba")
RUN_LIMIT_S = 600
START_LIMIT_S = 180


class Done(NamedTuple):
    """A finished command."""

    returncode: int
    stdout: str
    stderr: str

    @property
    def document(self):
        """The JSON document on stdout."""
        return json.loads(self.stdout)


def package_file(package: str, name: str) -> Path:
    """Find a file that an installed package carries."""
    return Path(importlib.util.find_spec(package).origin).parent / name


def home_environment(home: Path) -> dict[str, str]:
    """Set a process up for a home, with nothing of the caller's own settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GENEMAMBA_")}
    shared = {
        "GENEMAMBA_HOME": str(home),
        "JAX_COMPILATION_CACHE_DIR": str(home.parent / "jax"),
        "PREFECT_HOME": str(home.parent / "prefect"),
    }
    return kept | shared


def genemamba(
    home: Path, *arguments: str | Path, command=GENEMAMBA, embedded=False, **extra: str
) -> Done:
    """Run ``genemamba`` on a home and wait for it; embedded, it finds no Prefect server."""
    environment = home_environment(home) | extra
    if embedded:
        environment.pop("PREFECT_API_URL", None)
    done = subprocess.run(
        [*command, *map(str, arguments)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=RUN_LIMIT_S,
    )
    return Done(done.returncode, done.stdout, done.stderr)


@contextmanager
def prefect_server(folder: Path) -> Iterator[str]:
    """Run a Prefect server on a free port of this machine and yield the URL of its API."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    api = f"http://127.0.0.1:{port}/api"
    server = subprocess.Popen(
        [sys.executable, "-m", "prefect", "server", "start", "--port", str(port)],
        env=os.environ
        | {
            "DO_NOT_TRACK": "1",
            "PREFECT_API_URL": api,
            "PREFECT_HOME": str(folder),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait_until_healthy(server, api)
        yield api
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait(timeout=60)


def _wait_until_healthy(server: subprocess.Popen, api: str) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while not _is_healthy(api):
        assert server.poll() is None, "the Prefect server stopped while starting"
        assert time.monotonic() < deadline, "the Prefect server did not start"
        time.sleep(0.5)


def _is_healthy(api: str) -> bool:
    try:
        with urllib.request.urlopen(f"{api}/health", timeout=2) as answer:
            return answer.status == 200
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False
