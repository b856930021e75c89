import sqlite3

import pytest
import sqlalchemy as sa

from genemamba.catalog.catalog import Catalog
from genemamba.catalog.creation import REVISION
from genemamba.catalog.engine import Database
from genemamba.errors import CatalogError, StorageError


def test_an_empty_database_becomes_a_catalog_at_the_head_revision(url, sql):
    Catalog.open(url).close()

    assert sql("SELECT version_num FROM alembic_version") == [(REVISION,)]
    assert sql("SELECT count(*) FROM run_io") == [(0,)]


def test_opening_again_keeps_what_is_recorded(url, sql, make_spec):
    with Catalog.open(url) as catalog, catalog.record_run(make_spec()) as run:
        pass

    with Catalog.open(url) as again:
        assert again.run(run.id) == run.record


def test_another_revision_is_refused_with_the_command_that_moves_it(url, sql):
    Catalog.open(url).close()
    sql("UPDATE alembic_version SET version_num = '0999'")

    with pytest.raises(CatalogError, match=r"at revision 0002, found 0999\. Run: alembic -c infra"):
        Catalog.open(url)


@pytest.mark.parametrize(
    "revision",
    [pytest.param(None, id="no revision"), pytest.param("a1b2", id="a revision of its own")],
)
def test_the_database_of_another_program_is_refused_and_untouched(url, sql, revision):
    sql("CREATE TABLE flow_run (id integer)")
    if revision:
        sql("CREATE TABLE alembic_version (version_num varchar(32) NOT NULL)")
        sql(f"INSERT INTO alembic_version VALUES ('{revision}')")

    with pytest.raises(CatalogError, match=r"found other tables: .*flow_run.*database of its own"):
        Catalog.open(url)

    with pytest.raises(Exception, match="run_io"):
        sql("SELECT * FROM run_io")


def test_processes_that_open_a_new_catalog_at_once_all_find_it_whole(start, sql):
    children = [start("open") for _ in range(4)]

    ended = [(child.communicate(timeout=120)[0], child.returncode) for child in children]

    assert ended == [("0\n", 0)] * 4
    assert sql("SELECT version_num FROM alembic_version") == [(REVISION,)]


def test_a_new_folder_is_made_for_a_new_catalog(tmp_path):
    Catalog.open(f"sqlite:///{tmp_path}/home/of/catalog.db").close()

    assert (tmp_path / "home" / "of" / "catalog.db").is_file()


def test_a_folder_that_cannot_be_made_is_a_storage_error(tmp_path):
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(StorageError, match=r"folder .*/file/home cannot be made: Not a directory"):
        Catalog.open(f"sqlite:///{tmp_path}/file/home/catalog.db")


def test_a_catalog_that_cannot_be_written_is_read_and_stops_a_run_before_its_work(
    tmp_path, make_spec
):
    Catalog.open(f"sqlite:///{tmp_path}/catalog.db").close()

    with Catalog.open(f"sqlite:///file:{tmp_path}/catalog.db?mode=ro&uri=true") as catalog:
        run = catalog.record_run(make_spec())
        assert catalog.atlases() == []
        with pytest.raises(StorageError, match="cannot be written: attempt to write a readonly"):
            run.__enter__()


def test_a_file_that_cannot_be_made_is_a_storage_error(tmp_path):
    (tmp_path / "catalog.db").mkdir()

    with pytest.raises(StorageError, match="cannot be written: unable to open database file"):
        Catalog.open(f"sqlite:///{tmp_path}/catalog.db")


def test_a_file_that_is_no_database_is_refused(tmp_path):
    (tmp_path / "catalog.db").write_bytes(b"no database at all" * 100)

    with pytest.raises(CatalogError, match="file is not a database"):
        Catalog.open(f"sqlite:///{tmp_path}/catalog.db")


def test_a_server_that_is_down_is_named_without_its_password():
    url = "postgresql://atlas:secret@127.0.0.1:1/catalog"

    with pytest.raises(CatalogError, match=r"atlas:\*\*\*@127.0.0.1:1/catalog cannot be reached"):
        Catalog.open(url)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        pytest.param("catalog.db", "Expected a URL such as 'sqlite:///catalog.db'", id="a path"),
        pytest.param("mysql://host/catalog", "sqlite or postgresql URL, found 'mysql'", id="mysql"),
        pytest.param("nosql://host/catalog", "sqlite or postgresql URL", id="unknown"),
        pytest.param("sqlite://", "found a database in memory", id="memory"),
    ],
)
def test_a_url_of_no_catalog_is_refused(url, message):
    with pytest.raises(CatalogError, match=message):
        Catalog.open(url)


@pytest.mark.parametrize(
    ("pragma", "expected"),
    [
        pytest.param("journal_mode", "wal", id="readers go on while one writes"),
        pytest.param("synchronous", 1, id="normal"),
        pytest.param("foreign_keys", 1, id="no edge to nothing"),
        pytest.param("busy_timeout", 60_000, id="a writer waits"),
        pytest.param("recursive_triggers", 1, id="no way past the triggers"),
    ],
)
def test_every_sqlite_connection_has(tmp_path, pragma, expected):
    database = Database(f"sqlite:///{tmp_path}/catalog.db")

    with database.reading() as session:
        assert session.scalar(sa.text(f"PRAGMA {pragma}")) == expected
    database.close()


def test_a_reader_sees_one_state_while_a_writer_commits(catalog, url, make_spec):
    database = Database(url)
    count = sa.text("SELECT count(*) FROM run")

    with database.reading() as session:
        before = session.scalar(count)
        with catalog.record_run(make_spec()):
            pass
        assert (before, session.scalar(count)) == (0, 0)
    with database.reading() as session:
        assert session.scalar(count) == 1
    database.close()


@pytest.mark.parametrize("kind", ["reading", "writing"])
def test_a_sqlite_writer_holds_others_up_from_its_first_read_on_and_a_reader_never(tmp_path, kind):
    database = Database(f"sqlite:///{tmp_path}/catalog.db")
    other = sqlite3.connect(tmp_path / "catalog.db", timeout=0, isolation_level=None)
    holds_up = False

    with getattr(database, kind)() as session:
        session.execute(sa.text("SELECT 1"))
        try:
            other.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            holds_up = True
    other.close()
    database.close()

    assert holds_up == (kind == "writing")
