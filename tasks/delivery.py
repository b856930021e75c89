"""Copies of what stages published, at paths that the user named."""

from collections.abc import Mapping
from pathlib import Path

from genemamba.publishing import check_delivery, deliver
from tasks.stages import StageRef


def check_deliveries(suffixes: Mapping[str | None, str]) -> None:
    """Refuse places for copies before any work is done for them.

    Parameters
    ----------
    suffixes
        Ending that each path must have; None is no path.

    Raises
    ------
    InputError
        A path has another ending, is there already, or lies in no folder.
    """
    for out, suffix in suffixes.items():
        if out:
            check_delivery(Path(out), suffix=suffix)


def deliver_stages(stages: Mapping[str | None, StageRef | None]) -> dict[str, str]:
    """Copy what stages left to the paths of the user.

    Parameters
    ----------
    stages
        Stage by path; None is no path.

    Returns
    -------
    Absolute path of each copy by the name of its stage.

    Raises
    ------
    StorageError
        A path cannot be written.
    """
    delivered = {}
    for out, stage in stages.items():
        if out and stage:
            deliver(stage.artifact.uri, Path(out))
            delivered[stage.stage] = str(Path(out).resolve())
    return delivered
