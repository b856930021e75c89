"""Which files make up a published checkpoint, and what is in them."""

import json
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from genemamba.errors import SourceError

SAFETENSORS: Final = "model.safetensors"
"""Weights as both published kinds store them today."""

CONFIG: Final = "config.json"
"""Shape and fusion, beside the weights."""

TOKENIZER: Final = "tokenizer.json"
"""Token of each gene."""

VOCABULARY: Final = "vocabulary.tsv.gz"
"""Token and median of each gene, as `genemamba model export` adds them."""

_PREFERRED: Final = (SAFETENSORS, "pytorch_model.bin")
_WEIGHT_SUFFIXES: Final = (".safetensors", ".bin", ".pt", ".pth")
_NO_WEIGHTS: Final = ("training_args.bin", "optimizer.bin", "optimizer.pt", "scheduler.pt")


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishedFiles:
    """Where the parts of a checkpoint lie; None where there is no such file."""

    weights: Path
    """Tensors, in safetensors or as torch saves them."""
    config: Path | None = None
    """JSON of the original or of the Hugging Face kind."""
    tokenizer: Path | None = None
    """JSON of the tokenizers library."""
    vocabulary: Path | None = None
    """Table of Ensembl id, token and median."""

    def by_role(self) -> dict[str, Path]:
        """Return the files that are there, by what they are."""
        roles = ("weights", "config", "tokenizer", "vocabulary")
        return {role: path for role in roles if (path := getattr(self, role))}


def find_files(path: Path, *, vocabulary: Path | None = None) -> PublishedFiles:
    """Find the files of a checkpoint.

    Parameters
    ----------
    path
        Folder of a checkpoint, or its weights alone.
    vocabulary
        Table of tokens and medians; by default the one in the folder, if any.

    Raises
    ------
    SourceError
        There are no weights, or several files of them, or the table is not there.
    """
    for named in (path, vocabulary):
        if named is not None and not named.exists():
            raise SourceError(
                expected="a folder or file", found=f"nothing at {named}", remedy="Check the path."
            )
    if path.is_file():
        return PublishedFiles(weights=path, vocabulary=vocabulary)
    return PublishedFiles(
        weights=_find_weights(path),
        config=_if_there(path / CONFIG),
        tokenizer=_if_there(path / TOKENIZER),
        vocabulary=vocabulary or _if_there(path / VOCABULARY),
    )


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read every tensor of a file, executing nothing that it holds.

    Parameters
    ----------
    path
        A safetensors file, or a zip of torch with a flat mapping of names to tensors.

    Raises
    ------
    SourceError
        The file is damaged, or holds something other than named tensors.
    """
    try:
        if path.suffix == ".safetensors":
            return dict(safetensors.torch.load_file(path))
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (safetensors.SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise SourceError(
            expected="a whole file of tensors",
            found=f"a damaged or another one at {path} ({str(error).partition('.')[0]})",
            remedy="Copy it again; a file of torch must hold a plain state dict.",
        ) from error
    if not isinstance(content, Mapping) or not all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in content.items()
    ):
        raise SourceError(
            expected="names and tensors alone",
            found=f"other things in {path}",
            remedy="Save the model's state_dict() by itself.",
        )
    return dict(content)


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON file with one object in it.

    Raises
    ------
    SourceError
        It holds something else.
    """
    try:
        content = json.loads(path.read_text())
    except ValueError as error:
        raise SourceError(
            expected=f"JSON in {path}", found=f"another text ({error})", remedy="Copy it again."
        ) from error
    if not isinstance(content, dict):
        raise SourceError(
            expected=f"a JSON object in {path}",
            found=f"a {type(content).__name__}",
            remedy="Give the file that was published with the weights.",
        )
    return content


def _find_weights(folder: Path) -> Path:
    for name in _PREFERRED:
        if (folder / name).is_file():
            return folder / name
    found = sorted(
        file
        for file in folder.iterdir()
        if file.suffix in _WEIGHT_SUFFIXES and file.name not in _NO_WEIGHTS
    )
    if len(found) != 1:
        raise SourceError(
            expected=f"one file of weights in {folder}, such as {SAFETENSORS}",
            found=", ".join(file.name for file in found) or "none",
            remedy="Name the file itself." if found else "Check the path.",
        )
    return found[0]


def _if_there(path: Path) -> Path | None:
    return path if path.is_file() else None
