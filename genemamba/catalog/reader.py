"""The questions that a catalog answers."""

from genemamba.catalog import queries
from genemamba.catalog.base import DepositState
from genemamba.catalog.engine import Database
from genemamba.catalog.graph import Lineage
from genemamba.catalog.lineage import trace
from genemamba.catalog.loading import to_dataset_version, to_model_version
from genemamba.catalog.locations import Location, list_files, list_locations
from genemamba.catalog.records import (
    ArtifactRecord,
    AtlasRecord,
    DatasetVersion,
    DepositRecord,
    MetricRecord,
    ModelVersion,
    RunRecord,
)
from genemamba.catalog.refs import resolve
from genemamba.catalog.versions import ATLAS, resolve_dataset_version, resolve_model_version
from genemamba.storage import FileDigest


class CatalogReader:
    """Every question to one database; each is answered from one state of it.

    Parameters
    ----------
    database
        Where the record is.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def find_completed(self, work_key: str) -> RunRecord | None:
        """Return the run that completed a piece of work; None where none did."""
        with self._database.reading() as session:
            return queries.find_completed_run(session, work_key)

    def artifact(self, digest: str) -> ArtifactRecord:
        """Return the artifact of a digest.

        Raises
        ------
        CatalogError
            There is none.
        """
        with self._database.reading() as session:
            return queries.get_artifact(session, digest)

    def locations(self, atlas: str | None = None) -> list[Location]:
        """Return where artifacts lie: those behind the versions of an atlas, or all.

        Raises
        ------
        CatalogError
            There is no atlas of that name.
        """
        with self._database.reading() as session:
            return list_locations(session, atlas=atlas)

    def artifact_files(self, digest: str) -> tuple[FileDigest, ...]:
        """Return the files of a folder by path; none for a file, or where they are not known."""
        with self._database.reading() as session:
            return list_files(session, digest)

    def run(self, run_id: str) -> RunRecord:
        """Return a run, whatever became of it.

        Raises
        ------
        CatalogError
            There is none of that id.
        """
        with self._database.reading() as session:
            return queries.get_run(session, run_id)

    def run_metrics(self, run_id: str) -> list[MetricRecord]:
        """Return the metrics that a run made, in the order in which it added them."""
        with self._database.reading() as session:
            return queries.list_run_metrics(session, run_id)

    def deposits(
        self, *, state: DepositState | None = None, name: str | None = None
    ) -> list[DepositRecord]:
        """Return the deposits, by the time of their verdict."""
        with self._database.reading() as session:
            return queries.list_deposits(session, state=state, name=name)

    def atlases(self) -> list[AtlasRecord]:
        """Return every atlas, by name."""
        with self._database.reading() as session:
            return queries.list_atlases(session)

    def atlas_versions(self, name: str) -> list[DatasetVersion]:
        """Return the versions of an atlas, the first one first.

        Raises
        ------
        CatalogError
            There is no atlas of that name.
        """
        return self.dataset_versions(ATLAS, name)

    def dataset_versions(self, kind: str, name: str) -> list[DatasetVersion]:
        """Return the versions of any series, the first one first.

        Raises
        ------
        CatalogError
            There is no such series.
        """
        with self._database.reading() as session:
            return queries.list_dataset_versions(session, kind, name)

    def dataset_version(self, ref: str) -> DatasetVersion:
        """Return the version that ``[kind:]name[@number]`` means.

        Parameters
        ----------
        ref
            Without a kind an atlas; without a number the latest version.

        Raises
        ------
        CatalogError
            There is none.
        """
        with self._database.reading() as session:
            return to_dataset_version(resolve_dataset_version(session, ref))

    def models(self, name: str | None = None) -> list[ModelVersion]:
        """Return the versions of a model, or of every model, the first one first.

        Raises
        ------
        CatalogError
            There is no model of that name.
        """
        with self._database.reading() as session:
            return queries.list_model_versions(session, name)

    def model(self, ref: str) -> ModelVersion:
        """Return the model version that a name, ``name@number`` or digest means.

        Raises
        ------
        CatalogError
            There is none, or the digest fits several.
        """
        with self._database.reading() as session:
            return to_model_version(resolve_model_version(session, ref))

    def model_metrics(self, ref: str) -> list[MetricRecord]:
        """Return the metrics that stand for one model version, the oldest first.

        Parameters
        ----------
        ref
            Name, ``name@number`` or digest.

        Raises
        ------
        CatalogError
            There is no such model version, or the digest fits several.
        """
        with self._database.reading() as session:
            return queries.list_model_metrics(session, ref)

    def history(
        self, atlas: str, metric: str | None = None, subject: str | None = None
    ) -> list[MetricRecord]:
        """Return the metrics of every version of an atlas, the oldest first.

        Raises
        ------
        CatalogError
            There is no atlas of that name.
        """
        with self._database.reading() as session:
            return queries.list_atlas_metrics(session, atlas, metric=metric, subject=subject)

    def lineage(self, ref: str, *, digest: str | None = None, downstream: bool = False) -> Lineage:
        """Return what something came from, or what came from it.

        Parameters
        ----------
        ref
            Digest (8 hex digits or more), ``[kind:]name[@number]``, run id, or path.
        digest
            What the bytes at a path are now. It decides; the path may lie.
        downstream
            Follow what was made from it, rather than what it was made from.

        Raises
        ------
        CatalogError
            Nothing fits, or several things do; the message names candidates.
        """
        with self._database.reading() as session:
            return trace(session, resolve(session, ref, digest=digest), downstream=downstream)
