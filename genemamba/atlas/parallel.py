"""Independent tasks on Dask, in threads or on a cluster."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import dask
from dask.callbacks import Callback

from genemamba.storage import Progress

Task = TypeVar("Task")
Result = TypeVar("Result")


def run_tasks(
    function: Callable[[Task], Result],
    tasks: Sequence[Task],
    *,
    scheduler: str | None = None,
    n_threads: int = 1,
    progress: Progress | None = None,
) -> list[Result]:
    """Call a function on every task, in parallel, and return the results in order.

    Parameters
    ----------
    function
        A function of a module, so that other processes can import it.
    tasks
        Small picklable values: paths and ranges, never arrays.
    scheduler
        Address of a ``dask.distributed`` scheduler, such as ``tcp://host:8786``; threads of this
        process without one.
    n_threads
        Threads that work at once without a scheduler.
    progress
        Called with tasks done and tasks in all.
    """
    if scheduler:
        return _run_on_cluster(function, tasks, scheduler=scheduler, progress=progress)
    done = 0

    def count(*_: Any) -> None:  # noqa: ANN401  # dask passes key, result, graph, state, worker
        nonlocal done
        done += 1
        if progress:
            progress(done, len(tasks))

    calls = [dask.delayed(function, pure=False)(task) for task in tasks]
    with Callback(posttask=count):
        return list(dask.compute(*calls, scheduler="threads", num_workers=n_threads))


def _run_on_cluster(
    function: Callable[[Task], Result],
    tasks: Sequence[Task],
    *,
    scheduler: str,
    progress: Progress | None,
) -> list[Result]:
    from distributed import Client, as_completed

    with Client(scheduler, set_as_default=False) as client:
        futures = client.map(function, tasks, pure=False)
        for done, future in enumerate(as_completed(futures, loop=client.loop), start=1):
            future.result()
            if progress:
                progress(done, len(tasks))
        return list(client.gather(futures))
