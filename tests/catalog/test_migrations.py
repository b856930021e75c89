import re
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from genemamba.catalog import creation
from genemamba.catalog.catalog import Catalog
from genemamba.catalog.creation import REVISION
from genemamba.catalog.triggers import METADATA
from genemamba.errors import CatalogError

INI = Path(__file__).parents[2] / "infra" / "alembic.ini"

POSTGRESQL_SCHEMA = """
SELECT 'column', table_name || '.' || column_name,
       data_type || ' ' || is_nullable || ' ' || coalesce(column_default, '')
FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL
SELECT 'constraint', conname, pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL
SELECT 'trigger', tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
UNION ALL
SELECT 'function', proname, regexp_replace(prosrc, '\\s+', ' ', 'g')
FROM pg_proc WHERE pronamespace = 'public'::regnamespace
"""


def config(url):
    config = Config(INI)
    config.cmd_opts = type("Options", (), {"x": [f"url={url}"]})()
    return config


def schema(sql, url):
    """Everything that the database itself says about its schema."""
    if not url.startswith("sqlite"):
        return {(kind, name): text.strip() for kind, name, text in sql(POSTGRESQL_SCHEMA)}
    rows = sql("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    return {(kind, name): parts_of(text) for kind, name, text in rows}


def parts_of(statement):
    """The columns and constraints of a table, in whichever order they were declared."""
    head, *parts = re.split(r",? *\n\t?", statement)
    return [head, *sorted(parts)]


@pytest.fixture
def created(url, sql):
    """The schema as the library makes it; the database is left empty."""
    Catalog.open(url).close()
    found = schema(sql, url)
    if url.startswith("sqlite"):
        for suffix in ("", "-wal", "-shm"):
            Path(url.removeprefix("sqlite:///") + suffix).unlink(missing_ok=True)
    else:
        sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    return found


def test_migrations_make_what_the_library_makes(created, url, sql):
    command.upgrade(config(url), "head")

    assert schema(sql, url) == created


def test_migrations_leave_no_difference_to_the_tables(url):
    command.upgrade(config(url), "head")
    engine = sa.create_engine(url)

    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, METADATA) == []
    engine.dispose()


def test_the_library_opens_a_migrated_database_and_records_in_it(url, make_spec):
    command.upgrade(config(url), "head")

    with Catalog.open(url) as catalog:
        with catalog.record_run(make_spec()) as run:
            pass
        assert catalog.find_completed(run.record.work_key) == run.record


def test_the_library_knows_the_head_revision():
    assert ScriptDirectory.from_config(Config(INI)).get_heads() == [REVISION]


@pytest.mark.parametrize(
    ("revision", "message"),
    [
        pytest.param("0001", "Nothing comes before revision 0001", id="first"),
        pytest.param("0002", "Revision 0002 holds facts, which are not deleted", id="second"),
    ],
)
def test_no_revision_is_taken_back(url, sql, revision, message):
    command.upgrade(config(url), revision)

    with pytest.raises(NotImplementedError, match=message):
        command.downgrade(config(url), "base")
    assert sql("SELECT version_num FROM alembic_version") == [(revision,)]


def test_an_older_catalog_keeps_its_record_when_it_is_upgraded(
    url, created, sql, clock, make_spec, make_artifact, accuracy, monkeypatch
):
    command.upgrade(config(url), "0001")
    monkeypatch.setattr(creation, "REVISION", "0001")
    with Catalog.open(url, clock=clock) as catalog, catalog.record_run(make_spec()) as run:
        run.add_dataset_version("atlas", "lung", make_artifact("atlas"))
        run.add_model_version("small", make_artifact("model"))
        run.add_metrics([accuracy])
    monkeypatch.undo()
    with pytest.raises(CatalogError, match=r"at revision 0002, found 0001\. Run: alembic -c infra"):
        Catalog.open(url)

    command.upgrade(config(url), "head")

    assert schema(sql, url) == created
    with Catalog.open(url, clock=clock) as catalog:
        assert catalog.run(run.id) == run.record
        assert catalog.run_metrics(run.id)[0].value == accuracy.value
        digest = make_artifact("atlas").digest
        assert catalog.artifact_files(digest) == ()
        assert catalog.cells.index_cells(digest, "all", np.zeros((2, 16), np.uint8)) is True
        assert catalog.cells.indexed_panels(digest) == {"all"}


def test_a_migration_that_stops_half_way_leaves_the_older_schema(url, sql):
    command.upgrade(config(url), "0001")
    before = schema(sql, url)
    # The second of the three tables is in the way, so the first one is taken back.
    sql("CREATE TABLE cell_index (id integer)")

    with pytest.raises(CatalogError, match=r"cell_index.* already exists"):
        command.upgrade(config(url), "head")
    sql("DROP TABLE cell_index")

    assert schema(sql, url) == before
    assert sql("SELECT version_num FROM alembic_version") == [("0001",)]
    command.upgrade(config(url), "head")
    assert sql("SELECT version_num FROM alembic_version") == [(REVISION,)]


def test_migrations_without_a_database_say_how_to_name_one(monkeypatch):
    monkeypatch.delenv("GENEMAMBA_DATABASE_URL", raising=False)

    with pytest.raises(SystemExit, match="set GENEMAMBA_DATABASE_URL, or pass -x url="):
        command.upgrade(Config(INI), "head")


def test_migrations_take_the_database_from_the_environment(monkeypatch, url, sql):
    monkeypatch.setenv("GENEMAMBA_DATABASE_URL", url)

    command.upgrade(Config(INI), "head")

    assert sql("SELECT version_num FROM alembic_version") == [(REVISION,)]
