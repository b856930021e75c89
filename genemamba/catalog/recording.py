"""The context in which a run does its work and says what it made."""

import re
import traceback
import uuid
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from types import TracebackType
from typing import Final, Literal, Self

from genemamba.catalog.engine import Database
from genemamba.catalog.lifecycle import (
    AlreadyCompletedError,
    NewVersion,
    Produce,
    begin,
    complete,
    end,
)
from genemamba.catalog.pending import PendingVersion, only
from genemamba.catalog.process import this_process
from genemamba.catalog.queries import find_completed_run
from genemamba.catalog.records import DatasetVersion, ModelVersion, RunRecord
from genemamba.catalog.values import ArtifactInfo, Deposit, Edge, Metric, RunSpec
from genemamba.catalog.versions import MODEL
from genemamba.errors import CatalogError, GeneMambaError, InputError

NAME_PATTERN: Final = re.compile(r"[\w][\w.-]*")
"""No ``@`` and no ``:``, which references are made of."""


class RecordedRun:
    """One execution, from its start to what became of it.

    Nothing of what it made is on record before it completes; then all of it is, at once.

    Parameters
    ----------
    database
        Where the run is recorded.
    spec
        What is known before it starts.
    clock
        Tells the time, with its zone.
    """

    def __init__(self, database: Database, spec: RunSpec, *, clock: Callable[[], datetime]) -> None:
        self.id: Final = str(uuid.uuid4())
        self._database = database
        self._spec = spec
        self._clock = clock
        self._produce = Produce()
        self._record: RunRecord | None = None

    @property
    def record(self) -> RunRecord:
        """The run that completed this work, with all it made.

        It is another run than this one where that one completed the same work meanwhile.

        Raises
        ------
        CatalogError
            The run has not completed.
        """
        if self._record is None:
            msg = f"Run {self.id} has no record before its context ends without an error."
            raise CatalogError(msg)
        return self._record

    def add_output(self, role: str, artifact: ArtifactInfo) -> None:
        """Say that the run made an artifact."""
        self._produce.outputs.append(Edge(role, artifact))

    def add_dataset_version(
        self, kind: str, name: str, artifact: ArtifactInfo, *, after: int | None = None
    ) -> PendingVersion[DatasetVersion]:
        """Say that an artifact that the run made is the next version of a series.

        An artifact that is a version of the series already stays that version.

        Parameters
        ----------
        kind
            What the series is: ``"atlas"``, ``"annotation"``...
        name
            Name of the series.
        artifact
            What the version is.
        after
            Number of the newest version that it was made from, 0 for none: where another was
            recorded since, the run ends with a `StaleVersionError` instead.

        Raises
        ------
        InputError
            The kind or the name holds signs that references are made of, or the kind is that of
            models.
        """
        self._add_version(kind, name, artifact, refused=MODEL, after=after)
        return PendingVersion(
            lambda: only(
                version
                for version in self.record.dataset_versions
                if (version.kind, version.name) == (kind, name)
            )
        )

    def add_model_version(self, name: str, artifact: ArtifactInfo) -> PendingVersion[ModelVersion]:
        """Say that a checkpoint that the run made is the next version of a model.

        A checkpoint that is a version of the model already stays that version.

        Raises
        ------
        InputError
            The name holds signs that references are made of.
        """
        self._add_version(MODEL, name, artifact)
        return PendingVersion(
            lambda: only(version for version in self.record.model_versions if version.name == name)
        )

    def add_metrics(self, metrics: Iterable[Metric]) -> None:
        """Say that the run computed some numbers."""
        self._produce.metrics.extend(metrics)

    def add_deposit(self, deposit: Deposit) -> None:
        """Say that the run looked at a deposit; the run's id is added."""
        self._produce.deposits.append(replace(deposit, run_id=self.id))

    def __enter__(self) -> Self:
        with self._database.writing() as session:
            begin(session, self._spec, run_id=self.id, process=this_process(), at=self._clock())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if error is None:
            self._complete()
            return
        status: Literal["failed", "interrupted"] = (
            "failed" if isinstance(error, Exception) else "interrupted"
        )
        try:
            self._end(status, error)
        except GeneMambaError as unrecorded:
            error.add_note(f"This end of run {self.id} could not be recorded: {unrecorded}")

    def _complete(self) -> None:
        try:
            with self._database.writing() as session:
                complete(session, self.id, self._produce, at=self._clock())
        except GeneMambaError as error:
            self._end("failed", error)
            if not isinstance(error, AlreadyCompletedError):
                raise
        with self._database.reading() as session:
            self._record = find_completed_run(session, self._spec.work_key)

    def _end(self, status: Literal["failed", "interrupted"], error: BaseException) -> None:
        text = "".join(traceback.format_exception_only(error)).strip()
        with self._database.writing() as session:
            end(session, self.id, status, at=self._clock(), error=text)

    def _add_version(
        self,
        kind: str,
        name: str,
        artifact: ArtifactInfo,
        *,
        refused: str = "",
        after: int | None = None,
    ) -> None:
        if kind == refused or not all(NAME_PATTERN.fullmatch(word) for word in (kind, name)):
            raise InputError(
                expected="a kind and a name of letters, digits, '_', '.' and '-'",
                found=f"kind {kind!r}, name {name!r}",
                remedy="Choose another name.",
            )
        self._produce.versions.append(
            NewVersion(kind=kind, name=name, artifact=artifact, after=after)
        )
