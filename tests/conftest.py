"""Fixtures that every test folder shares."""

import contextlib
import os
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
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


@pytest.fixture
def cuda_stand_in(monkeypatch):
    """Stand in for the two calls by which mamba_ssm asks for a GPU."""

    class Device(contextlib.nullcontext):
        def __init__(self, *_):
            super().__init__()

    monkeypatch.setattr(torch.cuda, "device", Device)
    monkeypatch.setattr(
        torch.cuda, "get_device_properties", lambda _: SimpleNamespace(multi_processor_count=1)
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the flows, which take minutes, so that no worker is left with one at the end."""
    items.sort(key=lambda item: "flows" not in item.path.parts)
