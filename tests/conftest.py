"""Fixtures that every test folder shares."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parent.parent


# The first call of a compiled function takes as long as compiling it.
settings.register_profile("compiled", deadline=None)
settings.load_profile("compiled")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of the real data sets; the test skips where it is absent."""
    folder = Path(os.environ.get("GENEMAMBA_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real data sets are absent: set GENEMAMBA_DATA (looked in {folder})")
    return folder
