"""The layers, the places of packages, and what the wheel would hold."""

import subprocess
import sys
from pathlib import Path

import flows
import genemamba
import tasks

ROOT = Path(__file__).parent.parent


def test_every_layer_contract_holds():
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout


def test_the_three_roots_are_those_of_this_checkout():
    roots = [Path(package.__file__).parent for package in (flows, genemamba, tasks)]

    assert roots == [ROOT / "flows", ROOT / "genemamba", ROOT / "tasks"]


def test_importing_the_library_loads_no_orchestrator_and_no_model():
    code = "import sys, genemamba.cli.main; print([m for m in ('prefect', 'torch', 'anndata') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
