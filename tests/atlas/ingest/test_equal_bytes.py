"""A store has the same bytes whoever writes it: threads, processes, much memory or little."""

import pytest
from dask.config import set as dask_config

from genemamba.atlas.ingest.memory import MemoryPlan, plan_memory
from genemamba.atlas.ingest.planning import plan_ingest
from genemamba.atlas.ingest.storing import write_store
from genemamba.atlas.options import IngestOptions
from genemamba.storage import tree_manifest
from tests.atlas.conftest import SHA256
from tests.small_atlas import small_adata

SHARD_NNZ = 2048

PLANS = {
    "one thread": MemoryPlan(n_threads=1, block_nnz=100_000),
    "two threads": MemoryPlan(n_threads=2, block_nnz=100_000),
    "four threads": MemoryPlan(n_threads=4, block_nnz=100_000),
    "a cell at a time": MemoryPlan(n_threads=4, block_nnz=1),
    "1 GiB": plan_memory(1 << 30),
    "16 GiB on eight cores": plan_memory(16 << 30, n_cores=8),
}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A deposit of 300 cells, which makes five shards of each array."""
    path = tmp_path_factory.mktemp("deposits") / "study.h5ad"
    small_adata(n_obs=300).write_h5ad(path)
    return path


def digest_of_store(study, folder, *, memory=None, scheduler=None):
    """Ingest the deposit from the beginning, and return the digest of what was written."""
    plan = plan_ingest(
        study,
        name="study",
        sha256=SHA256,
        options=IngestOptions(),
        scratch=folder / "scratch",
        memory=memory,
        scheduler=scheduler,
    )
    url = str(folder / "store.zarr")
    write_store(plan, url, shard_nnz=SHARD_NNZ, scheduler=scheduler)
    return tree_manifest(url).digest


@pytest.fixture(scope="module")
def expected(study, tmp_path_factory):
    """Digest of the store that one thread wrote in one block."""
    return digest_of_store(study, tmp_path_factory.mktemp("expected"), memory=PLANS["one thread"])


@pytest.mark.parametrize("memory", PLANS.values(), ids=PLANS)
def test_threads_and_memory_leave_the_bytes_as_they_are(study, expected, tmp_path, memory):
    assert digest_of_store(study, tmp_path, memory=memory) == expected


@pytest.mark.filterwarnings("ignore")  # distributed warns of ports and of slow event loops
def test_a_cluster_of_processes_leaves_the_bytes_as_they_are(study, expected, tmp_path):
    from distributed import LocalCluster

    scratch = {"temporary-directory": str(tmp_path / "dask")}
    with (
        dask_config(scratch),
        LocalCluster(
            n_workers=2, threads_per_worker=2, processes=True, dashboard_address=None
        ) as cluster,
    ):
        found = digest_of_store(study, tmp_path, scheduler=cluster.scheduler_address)

    assert found == expected
