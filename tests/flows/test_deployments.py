"""`prefect.yaml` against a real Prefect server."""

import json
import os
import subprocess
import sys

from tests.support import ROOT


def prefect(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "prefect", *arguments],
        cwd=ROOT,
        env=os.environ | {"DO_NOT_TRACK": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_every_flow_is_deployed_by_one_command(server):
    for pool in ("atlas-cpu", "atlas-gpu"):
        prefect("work-pool", "create", pool, "--type", "process")

    deployed = prefect("--no-prompt", "deploy", "--all")
    listed = prefect("deployment", "ls", "--output", "json")

    assert deployed.returncode == 0, deployed.stdout + deployed.stderr
    entrypoints = {item["name"]: item["entrypoint"] for item in json.loads(listed.stdout)}
    assert entrypoints == {
        "annotate-atlas": "flows.annotate_atlas.annotate_atlas",
        "embed-atlas": "flows.embed_atlas.embed_atlas",
        "evaluate-atlas": "flows.evaluate_atlas.evaluate_atlas",
        "ingest-deposit": "flows.ingest_deposit.ingest_deposit",
        "pretrain-model": "flows.pretrain_model.pretrain_model",
        "process-atlas": "flows.process_atlas.process_atlas",
    }
