"""The command line in a process of its own, for tests that use it as a user does."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
GENEMAMBA = (sys.executable, "-m", "genemamba")
RUN_LIMIT_S = 600


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


def genemamba(home: Path, *arguments: str | Path, command=GENEMAMBA, **extra: str) -> Done:
    """Run ``genemamba`` on a home and wait for it."""
    done = subprocess.run(
        [*command, *map(str, arguments)],
        cwd=ROOT,
        env=home_environment(home) | extra,
        capture_output=True,
        text=True,
        check=False,
        timeout=RUN_LIMIT_S,
    )
    return Done(done.returncode, done.stdout, done.stderr)
