"""Versions that get their number when their run completes."""

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from genemamba.catalog.records import DatasetVersion, ModelVersion
from genemamba.errors import CatalogError

VersionT = TypeVar("VersionT", DatasetVersion, ModelVersion)
"""A version of either sort."""


class PendingVersion(Generic[VersionT]):
    """A version that gets its number when its run completes.

    Parameters
    ----------
    find
        Looks the version up, and raises `CatalogError` before the run has completed.
    """

    def __init__(self, find: Callable[[], VersionT]) -> None:
        self._find: Callable[[], VersionT] = find

    @property
    def resolved(self) -> VersionT:
        """The version, once the run's context has ended."""
        return self._find()

    @property
    def version_no(self) -> int:
        """Its number, once the run's context has ended."""
        return self.resolved.version_no

    @property
    def ref(self) -> str:
        """How users name it, once the run's context has ended."""
        return self.resolved.ref


def only(versions: Iterator[VersionT]) -> VersionT:
    """Return the one version that a run's record has under a name.

    Raises
    ------
    CatalogError
        It has none: the record is of another run, which completed the same work first.
    """
    found = next(versions, None)
    if found is None:
        msg = "The run that completed this work first did not make this version."
        raise CatalogError(msg)
    return found
