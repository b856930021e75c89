"""The doctor tells a healthy set-up from an ill one, and keeps passwords to itself."""

import json

import pytest

from genemamba.cli import doctor
from genemamba.config import load_settings

CHECKS = ["python", "orchestrator", "home", "space", "catalog"]


def diagnose(run):
    done = run("doctor", "--json")
    document = json.loads(done.out)
    return done.code, document, {check["check"]: check for check in document["checks"]}


def test_a_healthy_set_up_is_well(run, home):
    code, document, checks = diagnose(run)

    assert (code, list(checks)) == (0, CHECKS)
    assert all(check["ok"] for check in checks.values())
    assert document["settings"] == {
        "home": str(home),
        "database_url": "",
        "dask_scheduler": None,
        "catalog_url": f"sqlite:///{home}/catalog.db",
    }
    assert checks["catalog"]["detail"] == f"sqlite:///{home}/catalog.db: 0 atlases"
    assert list((home / "staging").iterdir()) == []


def test_the_table_has_a_line_for_each_check(run):
    done = run("doctor")

    assert done.code == 0
    assert [line.split()[:2] for line in done.out.splitlines()[1:]] == [
        [check, "ok"] for check in CHECKS
    ]


def test_a_home_that_is_no_folder_is_ill(run, home):
    home.write_text("a file")

    code, _, checks = diagnose(run)

    assert code == 1
    assert checks["home"]["ok"] is False
    assert "Set GENEMAMBA_HOME to a folder." in checks["home"]["detail"]
    assert checks["catalog"]["ok"] is False


def test_a_catalog_of_another_program_is_ill(run, monkeypatch, tmp_path):
    import sqlite3

    connection = sqlite3.connect(tmp_path / "other.db")
    connection.execute("CREATE TABLE songs (title TEXT)")
    connection.close()
    monkeypatch.setenv("GENEMAMBA_DATABASE_URL", f"sqlite:///{tmp_path}/other.db")

    code, _, checks = diagnose(run)

    assert code == 1
    assert "found other tables: songs" in checks["catalog"]["detail"]


def test_a_password_is_never_shown(run, monkeypatch):
    monkeypatch.setenv(
        "GENEMAMBA_DATABASE_URL", "postgresql://me:s3cr@t@127.0.0.1:9/catalog?connect_timeout=2"
    )

    done = run("doctor", "--json")

    assert done.code == 1
    assert "s3cr" not in done.out + done.err
    assert json.loads(done.out)["settings"]["catalog_url"].startswith("postgresql://***@127.0.0.1:")


@pytest.mark.parametrize(
    ("versions", "ok"),
    [
        pytest.param({}, True, id="as installed"),
        pytest.param({"prefect": "absent"}, False, id="no prefect"),
        pytest.param({"fastapi": "0.151.0"}, False, id="fastapi too new"),
        pytest.param({"fastapi": "absent"}, True, id="no fastapi"),
        pytest.param({"sqlalchemy": "2.1.0b1"}, False, id="sqlalchemy too new"),
        pytest.param({"sqlalchemy": "2.1b1"}, False, id="short version"),
        pytest.param({"sqlalchemy": "2.0.99"}, True, id="newest that works"),
    ],
)
def test_sets_that_are_known_to_fail_are_ill(home, monkeypatch, versions, ok):
    installed = doctor.library_version

    def library_version(name):
        return f"{name}@{versions[name]}" if name in versions else installed(name)

    monkeypatch.setattr(doctor, "library_version", library_version)

    assert doctor._check_orchestrator(load_settings()).ok is ok


def test_little_space_is_ill(home, monkeypatch):
    monkeypatch.setattr(doctor, "free_bytes", lambda url: 2**30)

    assert doctor._check_space(load_settings()) == ("space", False, "1.0 GiB free")
