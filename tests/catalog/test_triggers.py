from dataclasses import replace

import numpy as np
import pytest
import sqlalchemy as sa

from genemamba.catalog.base import Base
from genemamba.catalog.engine import Database
from genemamba.catalog.triggers import APPEND_ONLY
from genemamba.catalog.values import Deposit, Edge
from genemamba.errors import CatalogError
from genemamba.storage import FileDigest, digest_files

CHANGING = {"artifact_location", "dataset", "deposit", "run"}


@pytest.fixture
def filled(catalog, make_spec, make_artifact, accuracy):
    """A catalog with a row in every table."""
    file = FileDigest("zarr.json", "2" * 64, 7)
    store = replace(make_artifact("store"), digest=digest_files([file]), files=(file,))
    spec = make_spec(params={"k": 1}, inputs=[Edge("deposit", make_artifact("deposit"))])
    with catalog.record_run(spec) as run:
        run.add_dataset_version("atlas", "lung", make_artifact("atlas"))
        run.add_output("store", store)
        run.add_model_version("small", make_artifact("model"))
        run.add_metrics([accuracy])
        run.add_deposit(
            Deposit(uri="/d", name="d", sha256="1" * 64, size_bytes=1, state="accepted")
        )
    catalog.cells.index_cells(store.digest, "all", np.zeros((3, 16), dtype=np.uint8))
    return catalog


@pytest.fixture
def column():
    """Return the name of the last column of a table."""
    return {
        name: table.columns.keys()[-1] for name, table in Base.metadata.tables.items()
    }.__getitem__


def test_every_table_is_append_only_or_known_to_change():
    assert set(APPEND_ONLY) | CHANGING == set(Base.metadata.tables)


@pytest.mark.usefixtures("filled")
def test_nobody_changes_or_removes_a_fact(sql, column):
    before = {table: sql(f"SELECT * FROM {table}") for table in APPEND_ONLY}

    for table in APPEND_ONLY:
        name = column(table)
        with pytest.raises(Exception, match=f"^{table} is append-only"):
            sql(f"UPDATE {table} SET {name} = {name}")
        with pytest.raises(Exception, match=f"^{table} is append-only"):
            sql(f"DELETE FROM {table}")
    assert {table: sql(f"SELECT * FROM {table}") for table in APPEND_ONLY} == before
    assert all(before.values())


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
@pytest.mark.usefixtures("filled")
def test_nobody_truncates_a_fact(sql):
    for table in APPEND_ONLY:
        with pytest.raises(Exception, match="is append-only"):
            sql(f"TRUNCATE {table} CASCADE")


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_insert_or_replace_does_not_go_past_the_triggers(filled, url):
    database = Database(url)
    replacement = sa.text("INSERT OR REPLACE INTO run_param SELECT run_id, key, '2' FROM run_param")

    refusal = pytest.raises(CatalogError, match="run_param is append-only")
    with refusal, database.writing() as session:
        session.execute(replacement)
    database.close()


@pytest.mark.usefixtures("filled")
def test_a_state_may_change(sql, column):
    for table in CHANGING:
        name = column(table)
        assert sql(f"SELECT 1 FROM {table}")
        assert sql(f"UPDATE {table} SET {name} = {name}") == []
