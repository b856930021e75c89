"""A home of its own for each test."""

import pytest

from tasks.workspace import Workspace


@pytest.fixture
def workspace(tmp_path):
    home = tmp_path / "home"
    return Workspace(home=str(home), catalog_url=f"sqlite:///{home}/catalog.db")
