"""How anndata and zarr write here, so that equal stores have equal bytes."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

import anndata
import zarr

PIPELINE: Final = "zarr.core.codec_pipeline.BatchedCodecPipeline"
"""Zarr's own. The Rust one writes the chunks of a shard in the order in which they are done."""

_lock = threading.Lock()
_users = 0
_setting = ExitStack()


@contextmanager
def plain_codecs() -> Iterator[None]:
    """Write with `PIPELINE` inside the block, in all threads, whatever zarr is set to.

    Zarr's setting is one for the process: the first thread to enter changes it, and the last
    one to leave puts it back.
    """
    global _users
    with _lock:
        if _users == 0:
            _setting.enter_context(zarr.config.set({"codec_pipeline.path": PIPELINE}))
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                _setting.close()


@contextmanager
def explicit_defaults() -> Iterator[None]:
    """Set what differs between versions of anndata, and expect the warnings of Zarr 3."""
    with (
        warnings.catch_warnings(),
        anndata.settings.override(zarr_write_format=3),
        anndata.settings.override(auto_shard_zarr_v3=False),
        anndata.settings.override(allow_write_nullable_strings=False),
        plain_codecs(),
    ):
        # Strings and consolidated metadata are extensions of Zarr 3 that every reader knows.
        warnings.filterwarnings("ignore", category=zarr.errors.ZarrUserWarning)
        warnings.filterwarnings("ignore", category=zarr.errors.ZarrFutureWarning)
        yield
