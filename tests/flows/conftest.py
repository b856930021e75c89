"""Real deposits that installed packages carry, and the main job on them, done once."""

import pytest

from tests.support import genemamba, package_file, prefect_server

MAIN_JOB = ("--atlas", "pbmc", "--label-key", "bulk_labels", "--preset", "tiny", "--json")


@pytest.fixture(scope="session")
def reference():
    """Labelled PBMC, log-normalised: scanpy's own sample."""
    return package_file("scanpy", "datasets/10x_pbmc68k_reduced.h5ad")


@pytest.fixture(scope="session")
def query():
    """Unlabelled counts in CSV: celltypist's own sample."""
    return package_file("celltypist", "data/samples/sample_cell_by_gene.csv")


@pytest.fixture(scope="session")
def run_main_job(reference, query):
    """Runs the main job on both deposits."""
    return lambda home, *options: genemamba(home, "run", reference, query, *MAIN_JOB, *options)


@pytest.fixture(scope="session")
def workplace(tmp_path_factory):
    """Folder whose homes share Prefect's database and compiled metrics."""
    return tmp_path_factory.mktemp("main-job")


@pytest.fixture(scope="session", autouse=True)
def server(tmp_path_factory):
    """A Prefect server that every command talks to: starting one in each would take longer."""
    with (
        prefect_server(tmp_path_factory.mktemp("server")) as api,
        pytest.MonkeyPatch.context() as set_up,
    ):
        set_up.setenv("PREFECT_API_URL", api)
        yield api


@pytest.fixture(scope="session")
def main_job(workplace, reference, query):
    """The main job's home and result, without a server: it embeds its own."""
    home = workplace / "home"
    done = genemamba(home, "run", reference, query, *MAIN_JOB, embedded=True)
    assert done.returncode == 0, done.stderr
    return workplace / "home", done
