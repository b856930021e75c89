"""What a checkpoint says of itself in JSON, read without its weights and without torch."""

import gzip
import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from genemamba.storage import join_url, split_url

CONFIG_FILE: Final = "config.json"
"""As in `genemamba.training.checkpoint`, which loads torch."""

HISTORY_FILE: Final = "history.json"
"""As in `genemamba.training.checkpoint`."""

VOCABULARY_FILE: Final = "vocabulary.tsv.gz"
"""As in `genemamba.training.checkpoint`."""


class CheckpointRecord(NamedTuple):
    """Configuration and course of a checkpoint."""

    model: Mapping[str, Any]
    """Fields of its `ModelConfig`."""
    training: Mapping[str, Any]
    """How it was trained; empty for an imported one."""
    steps: tuple[Mapping[str, Any], ...]
    """What each step showed: at least ``step`` and ``loss``."""
    n_genes: int
    """Genes of its vocabulary."""


def read_checkpoint_record(url: str) -> CheckpointRecord | None:
    """Read the configuration and the course of a checkpoint.

    Parameters
    ----------
    url
        Its folder, local or remote.

    Returns
    -------
    None where the files are not there or cannot be read.
    """
    fs, path = split_url(url)
    try:
        config, history = (
            json.loads(fs.cat_file(join_url(path, name))) for name in (CONFIG_FILE, HISTORY_FILE)
        )
        table = gzip.decompress(fs.cat_file(join_url(path, VOCABULARY_FILE))).decode()
    except (OSError, ValueError, EOFError):
        return None
    # Special tokens have no median.
    n_genes = sum(not line.endswith("\t") for line in table.splitlines()[1:])
    return CheckpointRecord(
        config["model"], config["training"] or {}, tuple(history["steps"]), n_genes
    )
