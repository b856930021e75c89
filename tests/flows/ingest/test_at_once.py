"""Two processes that ingest one deposit into one new home at the same time."""

import sqlite3

import pytest

from genemamba.storage import tree_manifest


@pytest.fixture(scope="module")
def both(tmp_path_factory, forks, command):
    """The home and both results."""
    home = tmp_path_factory.mktemp("both") / "home"
    return home, forks.run_together([(home, command), (home, command)])


def test_both_end_well_with_the_same_store_and_version(both, calm):
    _, results = both
    _, document = calm

    expected = [(stage["stage"], stage["digest"]) for stage in document["stages"]]
    for done in results:
        assert (done.returncode, done.stderr) == (0, "")
        assert [(stage["stage"], stage["digest"]) for stage in done.document["stages"]] == expected
        assert done.document["atlas_version"] == "lung@1"


def test_one_of_them_did_the_work_and_one_row_says_so(both, calm):
    home, results = both
    _, document = calm

    with sqlite3.connect(home / "catalog.db") as connection:
        runs = connection.execute(
            "SELECT status, count(*) FROM run WHERE stage = 'ingest' GROUP BY 1"
        ).fetchall()
        counts = {
            table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("dataset_version", "deposit")
        }
        stores = connection.execute("SELECT digest FROM artifact WHERE kind = 'store'").fetchall()
    (store,) = (home / "stores").iterdir()
    reused = sorted(done.document["stages"][0]["reused"] for done in results)
    assert reused == [False, True]
    assert runs == [("completed", 1)]
    assert counts == {"dataset_version": 1, "deposit": 1}
    assert stores == [(document["stages"][0]["digest"],)]
    assert tree_manifest(str(store)).digest == stores[0][0]


def test_neither_leaves_anything_behind(both):
    home, _ = both

    assert list((home / "staging").iterdir()) == []
    assert [path for path in (home / "resume").iterdir() if path.is_dir()] == []
