"""Real deposits that installed packages carry, and the main job on them, done once."""

import pytest

from tests.support import genemamba, package_file

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


@pytest.fixture(scope="session")
def main_job(workplace, run_main_job):
    """The main job's home and result."""
    done = run_main_job(workplace / "home")
    assert done.returncode == 0, done.stderr
    return workplace / "home", done
