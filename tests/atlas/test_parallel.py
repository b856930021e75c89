import time

import pytest

from genemamba.atlas.ingest.storing import write_store
from genemamba.atlas.parallel import run_tasks
from genemamba.storage import tree_manifest


def slow_square(task):
    time.sleep(0.02 if task == 0 else 0)
    return task * task


def refuse_two(task):
    if task == 2:
        msg = "two is refused"
        raise ValueError(msg)
    return task


def test_results_come_in_the_order_of_the_tasks_and_each_is_counted():
    calls = []

    results = run_tasks(slow_square, range(5), progress=lambda *call: calls.append(call))

    assert results == [0, 1, 4, 9, 16]
    assert calls == [(done, 5) for done in range(1, 6)]


def test_error_of_a_task_reaches_the_caller():
    with pytest.raises(ValueError, match="two is refused"):
        run_tasks(refuse_two, range(4))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # distributed warns of ports and of slow event loops
def test_cluster_of_processes_writes_the_same_bytes(adata, deposit, plan, tmp_path):
    from distributed import LocalCluster

    accepted = plan(deposit(adata))
    threads, cluster = str(tmp_path / "threads.zarr"), str(tmp_path / "cluster.zarr")
    write_store(accepted, threads, shard_nnz=500)
    calls = []

    with LocalCluster(n_workers=2, processes=True, dashboard_address=None) as workers:
        write_store(
            accepted,
            cluster,
            shard_nnz=500,
            scheduler=workers.scheduler_address,
            progress=lambda *call: calls.append(call),
        )

    assert tree_manifest(cluster).digest == tree_manifest(threads).digest
    assert calls[-1][0] == calls[-1][1]
