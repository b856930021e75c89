"""`prefect.yaml` against a real Prefect server."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PREFECT = Path(sys.executable).with_name("prefect")
START_LIMIT_S = 180


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_healthy(api: str) -> bool:
    try:
        with urllib.request.urlopen(f"{api}/health", timeout=2) as answer:
            return answer.status == 200
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


@pytest.fixture(scope="module")
def server_environment(tmp_path_factory):
    port = free_port()
    environment = os.environ | {
        "DO_NOT_TRACK": "1",
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_HOME": str(tmp_path_factory.mktemp("prefect")),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    }
    server = subprocess.Popen(
        [PREFECT, "server", "start", "--host", "127.0.0.1", "--port", str(port)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + START_LIMIT_S
    while not is_healthy(environment["PREFECT_API_URL"]):
        assert server.poll() is None, "the Prefect server stopped while starting"
        assert time.monotonic() < deadline, "the Prefect server did not start"
        time.sleep(0.5)
    yield environment
    os.killpg(server.pid, signal.SIGTERM)
    server.wait(timeout=60)


def prefect(environment, *arguments):
    return subprocess.run(
        [PREFECT, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_every_flow_is_deployed_by_one_command(server_environment):
    for pool in ("atlas-cpu", "atlas-gpu"):
        prefect(server_environment, "work-pool", "create", pool, "--type", "process")

    deployed = prefect(server_environment, "--no-prompt", "deploy", "--all")
    listed = prefect(server_environment, "deployment", "ls", "--output", "json")

    assert deployed.returncode == 0, deployed.stdout + deployed.stderr
    entrypoints = {item["name"]: item["entrypoint"] for item in json.loads(listed.stdout)}
    assert entrypoints == {
        "annotate-atlas": "flows.annotate_atlas.annotate_atlas",
        "evaluate-atlas": "flows.evaluate_atlas.evaluate_atlas",
        "ingest-deposit": "flows.ingest_deposit.ingest_deposit",
        "pretrain-model": "flows.pretrain_model.pretrain_model",
        "process-atlas": "flows.process_atlas.process_atlas",
    }
