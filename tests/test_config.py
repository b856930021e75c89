"""Settings come from the environment, then a file, then defaults."""

import pytest

from genemamba.config import load_settings
from genemamba.errors import InputError


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty working folder without any setting."""
    monkeypatch.chdir(tmp_path)
    for name in ("HOME", "DATABASE_URL", "DASK_SCHEDULER", "CONFIG"):
        monkeypatch.delenv(f"GENEMAMBA_{name}", raising=False)
    return tmp_path


def test_defaults_put_everything_under_the_working_folder(folder):
    settings = load_settings()

    assert settings.model_dump() == {
        "home": f"{folder}/genemamba-home",
        "database_url": "",
        "dask_scheduler": None,
    }
    assert settings.catalog_url == f"sqlite:///{folder}/genemamba-home/catalog.db"


def test_the_file_of_the_working_folder_is_read_and_the_environment_wins(folder, monkeypatch):
    (folder / "genemamba.toml").write_text('home = "/a"\ndask_scheduler = "tcp://b:1"\n')
    monkeypatch.setenv("GENEMAMBA_HOME", "/c")

    settings = load_settings()

    assert (settings.home, settings.dask_scheduler) == ("/c", "tcp://b:1")


def test_another_file_can_be_named(folder, monkeypatch):
    (folder / "genemamba.toml").write_text('home = "/a"\n')
    (folder / "other.toml").write_text('home = "/b"\n')
    monkeypatch.setenv("GENEMAMBA_CONFIG", "other.toml")

    assert load_settings().home == "/b"


def test_an_empty_variable_is_none(folder, monkeypatch):
    for name in ("HOME", "DASK_SCHEDULER", "CONFIG"):
        monkeypatch.setenv(f"GENEMAMBA_{name}", "")

    settings = load_settings()

    assert (settings.home, settings.dask_scheduler) == (f"{folder}/genemamba-home", None)


@pytest.mark.parametrize(
    ("home", "catalog"),
    [
        pytest.param("/a/b/", "sqlite:////a/b/catalog.db", id="folder"),
        pytest.param("file:///a/b", "sqlite:////a/b/catalog.db", id="file URL"),
        pytest.param("memory://bucket/a/", "sqlite:///{folder}/catalog.db", id="remote"),
    ],
)
def test_the_catalog_lies_in_a_local_home_or_else_in_the_working_folder(
    folder, monkeypatch, home, catalog
):
    monkeypatch.setenv("GENEMAMBA_HOME", home)

    settings = load_settings()

    assert settings.catalog_url == catalog.format(folder=folder)
    assert settings.home == home.removeprefix("file://").rstrip("/")


def test_a_database_of_its_own_is_the_catalog(monkeypatch):
    monkeypatch.setenv("GENEMAMBA_DATABASE_URL", "postgresql://db/catalog")

    assert load_settings().catalog_url == "postgresql://db/catalog"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param('hom = "/a"', "found hom: Extra inputs are not permitted", id="unknown"),
        pytest.param("home = 3", "found home: Input should be a valid string", id="type"),
        pytest.param('home = "nope://a"', "found home: .*Protocol not known: nope", id="protocol"),
        pytest.param('home = "gs://a"', "found home: .*gcsfs", id="library"),
        pytest.param('home = "/a', r"Expected TOML in genemamba\.toml, found", id="no TOML"),
    ],
)
def test_a_file_that_says_something_impossible_is_refused(folder, text, message):
    (folder / "genemamba.toml").write_text(text)

    with pytest.raises(InputError, match=message):
        load_settings()


def test_a_named_file_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setenv("GENEMAMBA_CONFIG", "absent.toml")

    with pytest.raises(InputError, match=r"found none at absent\.toml\. Correct GENEMAMBA_CONFIG"):
        load_settings()
