"""Retries and time limits, each with its reason."""

from typing import Final

from prefect import Task
from prefect.client.schemas.objects import State, TaskRun

from genemamba.errors import GeneMambaError

INGEST_TIMEOUT_S: Final = 6 * 3600
"""A deposit of some million cells takes an hour; one that takes six hangs."""

EVALUATE_TIMEOUT_S: Final = 6 * 3600
"""Metrics run on a subsample, so their time is bounded."""

TRAIN_TIMEOUT_S: Final = 7 * 24 * 3600
"""Pretraining is resumed from its last state, so a stop after a week loses little."""


async def is_transient(task: Task, task_run: TaskRun, state: State) -> bool:
    """Tell whether a failed task may succeed when run again.

    What this project raises on purpose is a verdict, and trying again gives the same one. A
    network or an object store that did not answer may answer a minute later.
    """
    try:
        await state.aresult()
    except GeneMambaError:
        return False
    except (ConnectionError, TimeoutError):
        return True
    except Exception:  # noqa: BLE001  (any other failure is a defect, not a hiccup)
        return False
    return False


RETRY_REMOTE: Final = {
    "retries": 3,
    "retry_delay_seconds": [2, 10, 60],
    "retry_condition_fn": is_transient,
}
"""An object store gets over a minute to come back."""
