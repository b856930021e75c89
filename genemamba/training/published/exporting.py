"""From a model here to files of the published format."""

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Final, NamedTuple

import safetensors.torch
import torch

from genemamba.errors import InputError, ModelError
from genemamba.nn.config import ModelConfig
from genemamba.provenance import Json
from genemamba.publishing import storage_errors
from genemamba.training.checkpoint import Checkpoint
from genemamba.training.published.files import CONFIG, SAFETENSORS, TOKENIZER, VOCABULARY
from genemamba.training.published.form import SPELLINGS, Format, Spelling
from genemamba.training.published.names import spell
from genemamba.training.published.settings import PUBLISHED_SEQLEN
from genemamba.training.published.tokenizer import tokenizer_document

TOLD: Final = frozenset(
    {
        "vocab_size", "d_model", "n_layer", "d_state", "d_conv", "expand", "headdim",
        "fusion", "padding", "row_seqlen", "chunk_size",
    }
)  # fmt: skip
"""Fields of `ModelConfig` that shapes or configuration tell, or that change no result; all others
must be as published."""

_DTYPES: Final = {"float16": torch.float16, "bfloat16": torch.bfloat16}


class _Form(NamedTuple):
    format: Format
    spelling: Spelling
    config: Mapping[str, Any]
    dtypes: Mapping[str, str]


def export_published(
    checkpoint: Checkpoint,
    out: Path,
    *,
    format: Format | None = None,  # noqa: A002
) -> dict[str, Json]:
    """Write weights, configuration and tokenizer as published, and the medians beside them.

    An imported model comes out with the tensors it came in with, bit for bit, and in its own
    format also under the same names and with the same ``config.json``.

    Parameters
    ----------
    checkpoint
        Of a model without what the published architecture lacks.
    out
        Folder to write; empty or not there.
    format
        Spelling of keys and configuration; by default that of the import, else ``original``.

    Returns
    -------
    What was written.

    Raises
    ------
    InputError
        There is something at `out`.
    ModelError
        The published format cannot hold the model.
    StorageError
        The folder cannot be written.
    """
    _check(checkpoint.model_config)
    form = _form(checkpoint, format)
    tensors = {
        spell(name, form.spelling): weight.detach()
        .to(_DTYPES.get(form.dtypes.get(name, ""), torch.float32))
        .cpu()
        .contiguous()
        for name, weight in checkpoint.model.state_dict().items()
    }
    with storage_errors(str(out)):
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise InputError(
                expected="an empty folder or none",
                found=f"something at {out}",
                remedy="Name another folder.",
            )
        out.mkdir(parents=True, exist_ok=True)
        checkpoint.vocabulary.save(out / VOCABULARY)
        _write_json(out / TOKENIZER, tokenizer_document(checkpoint.vocabulary))
        _write_json(out / CONFIG, form.config)
        metadata = {"format": "pt"}
        (out / SAFETENSORS).write_bytes(safetensors.torch.save(tensors, metadata))
    return {
        "out": str(out),
        "format": form.format,
        "n_tensors": len(tensors),
        "n_parameters": sum(tensor.numel() for tensor in tensors.values()),
    }


def _check(config: ModelConfig) -> None:
    """Refuse what the published code has no setting for, whether it has weights or not."""
    others = [
        f"{field.name}={getattr(config, field.name)!r}"
        for field in fields(config)
        if field.name not in TOLD and getattr(config, field.name) != field.default
    ]
    if others:
        msg = (
            f"Expected a model of the published architecture, found {', '.join(others)}, which it"
            " lacks. Of the presets, `base` has nothing of the kind."
        )
        raise ModelError(msg)


def _form(checkpoint: Checkpoint, asked: Format | None) -> _Form:
    published = checkpoint.published
    chosen = asked or (published.format if published else "original")
    dtypes = published.dtypes if published else {}
    document = _config_document(checkpoint, chosen)
    if published is None or chosen != published.format:
        return _Form(chosen, SPELLINGS[chosen], document, dtypes)
    config = published.config or document
    return _Form(chosen, published.spelling, _with_choices(config, checkpoint), dtypes)


def _with_choices(config: Mapping[str, Any], checkpoint: Checkpoint) -> dict[str, Any]:
    """Add what the user said at the import, where the configuration said otherwise or nothing."""
    chosen: dict[str, Any] = {}
    if (config.get("mode") or "mean") != checkpoint.model_config.fusion:
        chosen["mode"] = checkpoint.model_config.fusion
    if config.get("max_position_embeddings", PUBLISHED_SEQLEN) != checkpoint.seqlen:
        chosen["max_position_embeddings"] = checkpoint.seqlen
    return {**config, **chosen}


def _config_document(checkpoint: Checkpoint, format: Format) -> dict[str, Any]:  # noqa: A002
    config = checkpoint.model_config
    if format == "original":
        document: dict[str, Any] = {
            "d_model": config.d_model,
            "mamba_layer": config.n_layer,
            "mode": config.fusion,
            "vocab_size": config.vocab_size,
        }
        return _with_choices(document, checkpoint)
    return {
        "architectures": ["GeneMambaForMaskedLM"],
        "embedding_pooling": "mean",
        "hidden_size": config.d_model,
        "max_position_embeddings": checkpoint.seqlen,
        "mode": config.fusion,
        "model_type": "genemamba",
        "num_hidden_layers": config.n_layer,
        "vocab_size": config.vocab_size,
    }


def _write_json(path: Path, document: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
