import os
import subprocess
import sys
from pathlib import Path

import pytest

from genemamba.compiled import compiled

ROOT = Path(__file__).parents[1]

KERNEL = "def double(x):\n    return 2 * x\n"

CALL = "from genemamba.compiled import compiled; import kernel; print(compiled(kernel.double)(21))"

CACHED = "from numba import njit; import kernel; print(njit(cache=True)(kernel.double)(21))"


def triple(x):
    return 3 * x


@pytest.fixture
def without_a_cache(tmp_path):
    """Run Python where numba can write neither beside the module nor in the home folder."""
    (tmp_path / "kernel.py").write_text(KERNEL)
    (tmp_path / "__pycache__").write_text("a file, so that no folder of this name can be made")
    nowhere = os.devnull + "/nowhere"
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": nowhere,
        "XDG_CACHE_HOME": nowhere,
    }

    def run(code):
        return subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_compiled_functions_give_what_plain_ones_give():
    assert compiled(triple)(14) == 42
    assert compiled(triple) is compiled(triple)


def test_a_folder_that_cannot_be_written_costs_only_the_cache(without_a_cache):
    ours, plain = without_a_cache(CALL), without_a_cache(CACHED)

    assert (ours.returncode, ours.stdout) == (0, "42\n"), ours.stderr
    assert "no locator available" in plain.stderr
