"""A linear head on disk: numbers and names in one file that no code is run to read."""

import json
from pathlib import Path
from typing import Final

import numpy as np
import safetensors
from safetensors.numpy import save

from genemamba.annotation.linear_probe import LinearProbe
from genemamba.errors import ModelError
from genemamba.publishing import storage_errors

PROBE_FILE: Final = "probe.safetensors"
"""Beside the files of the checkpoint whose embedding it reads."""

_ARRAYS: Final = ("bias", "mean", "scale", "weights")


def save_probe(folder: Path, probe: LinearProbe) -> None:
    """Write a probe's file; equal probes give equal bytes.

    Parameters
    ----------
    folder
        Made where it is absent.
    probe
        What to write.

    Raises
    ------
    StorageError
        The folder cannot be written.
    """
    arrays = {name: np.ascontiguousarray(getattr(probe, name)) for name in _ARRAYS}
    content = save(arrays, metadata={"classes": json.dumps(probe.classes, ensure_ascii=False)})
    with storage_errors(str(folder)):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / PROBE_FILE).write_bytes(content)


def load_probe(folder: Path) -> LinearProbe:
    """Read what `save_probe` wrote.

    Parameters
    ----------
    folder
        Of a fine-tuned checkpoint.

    Raises
    ------
    ModelError
        There is no such file, as in a model that was never fine-tuned, or it is damaged.
    """
    path = folder / PROBE_FILE
    if not path.is_file():
        msg = (
            f"Expected {PROBE_FILE} in {folder}, found none: the model was not fine-tuned on"
            " labels. Fine-tune it, or choose another head."
        )
        raise ModelError(msg)
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            classes = tuple(json.loads(file.metadata()["classes"]))
            arrays = {name: file.get_tensor(name) for name in _ARRAYS}
    except (safetensors.SafetensorError, KeyError, TypeError, ValueError) as error:
        msg = f"Expected a linear head in {path}, found a damaged file: {error}."
        raise ModelError(msg) from error
    shape = (len(classes), *arrays["mean"].shape)
    if arrays["weights"].shape != shape or arrays["bias"].shape != shape[:1]:
        msg = (
            f"Expected weights of shape {shape} for {len(classes)} labels in {path}, found"
            f" {arrays['weights'].shape}."
        )
        raise ModelError(msg)
    return LinearProbe(classes=classes, **arrays)
