"""A trained model on disk: weights, configuration, vocabulary and loss curve.

The same content gives the same bytes, so that a checkpoint's digest names the model.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import safetensors
import safetensors.torch
import torch

from genemamba.errors import ModelError
from genemamba.findings import Finding
from genemamba.nn.config import ModelConfig
from genemamba.nn.model import GeneMamba
from genemamba.provenance import canonical_json
from genemamba.publishing import storage_errors
from genemamba.tokens.vocabulary import Vocabulary
from genemamba.training.config import StepRecord, TrainingConfig, TrainingEvent
from genemamba.training.objectives import objective_findings
from genemamba.training.published.form import PublishedForm

WEIGHTS_FILE: Final = "model.safetensors"
"""Weights by their published names."""

CONFIG_FILE: Final = "config.json"
"""`ModelConfig` under ``model``, `TrainingConfig` under ``training``, and of an imported model
`PublishedForm` under ``published``."""

VOCABULARY_FILE: Final = "vocabulary.tsv.gz"
"""`Vocabulary`."""

HISTORY_FILE: Final = "history.json"
"""Loss curve under ``steps``, held-out loss under ``heldout_loss``, and `TrainingEvent` under
``events`` where there were any."""

_FILES: Final = (WEIGHTS_FILE, CONFIG_FILE, VOCABULARY_FILE, HISTORY_FILE)
_TIED: Final = "lm_head.weight"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Checkpoint:
    """A trained model with all that is needed to use it.

    Raises
    ------
    ModelError
        Neither its training nor its published form is known.
    """

    model: GeneMamba
    """Holds its `ModelConfig`."""

    vocabulary: Vocabulary
    """Tokens of the genes that the model knows."""

    training_config: TrainingConfig | None
    """How it was trained; None where it was imported, since published files do not say."""

    history: tuple[StepRecord, ...]
    """Every step, the first first."""

    heldout_loss: float | None
    """Mean cross entropy of naming genes in cells not trained on; None without such cells."""

    events: tuple[TrainingEvent, ...] = ()
    """What happened beside the steps, in order."""

    published: PublishedForm | None = None
    """How the files looked that it was imported from; None where it was trained here."""

    def __post_init__(self) -> None:
        if self.training_config is None and self.published is None:
            msg = "Expected how a model was trained or published, found neither."
            raise ModelError(msg)

    @property
    def seqlen(self) -> int:
        """Tokens kept of a cell, in training and in embedding."""
        known = self.training_config or self.published
        assert known is not None  # noqa: S101  # one of them is there
        return known.seqlen

    @property
    def model_config(self) -> ModelConfig:
        """Shape of the model."""
        return self.model.config

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What a user of the model has to know about its training."""
        return objective_findings(self.training_config) if self.training_config else ()


def save_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint's four files.

    Parameters
    ----------
    folder
        Made where it is absent.
    checkpoint
        What to write.

    Raises
    ------
    StorageError
        The folder cannot be written.
    """
    training, published = checkpoint.training_config, checkpoint.published
    config: dict[str, Any] = {
        "model": checkpoint.model_config.to_dict(),
        "training": training.to_dict() if training else None,
    }
    if published:
        config["published"] = published.to_dict()
    history: dict[str, Any] = {
        "steps": [asdict(record) for record in checkpoint.history],
        "heldout_loss": checkpoint.heldout_loss,
    }
    if checkpoint.events:
        history["events"] = [asdict(event) for event in checkpoint.events]
    with storage_errors(str(folder)):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / WEIGHTS_FILE).write_bytes(safetensors.torch.save(_weights(checkpoint.model)))
        (folder / HISTORY_FILE).write_text(canonical_json(history) + "\n")
        checkpoint.vocabulary.save(folder / VOCABULARY_FILE)
        (folder / CONFIG_FILE).write_text(canonical_json(config) + "\n")


def load_checkpoint(folder: Path) -> Checkpoint:
    """Read what `save_checkpoint` wrote.

    Parameters
    ----------
    folder
        Of one checkpoint.

    Returns
    -------
    The checkpoint, its model on the CPU.

    Raises
    ------
    ModelError
        A file is missing or damaged, or the files do not belong together.
    """
    if missing := [name for name in _FILES if not (folder / name).is_file()]:
        msg = f"Expected {', '.join(_FILES)} in {folder}, found no {', '.join(missing)}."
        raise ModelError(msg)
    config = _read_json(folder / CONFIG_FILE, fields=("model", "training"), optional=("published",))
    history = _read_json(
        folder / HISTORY_FILE, fields=("steps", "heldout_loss"), optional=("events",)
    )
    training, published = config["training"], config.get("published")
    model_config = ModelConfig.from_dict(config["model"])
    vocabulary = Vocabulary.load(folder / VOCABULARY_FILE)
    if vocabulary.size != model_config.vocab_size:
        msg = (
            f"Expected a vocabulary of {model_config.vocab_size} tokens in {folder},"
            f" found one of {vocabulary.size}."
        )
        raise ModelError(msg)
    return Checkpoint(
        model=_load_model(folder / WEIGHTS_FILE, model_config),
        vocabulary=vocabulary,
        training_config=TrainingConfig.from_dict(training) if training else None,
        history=tuple(StepRecord(**record) for record in history["steps"]),
        heldout_loss=history["heldout_loss"],
        published=PublishedForm.from_dict(published) if published else None,
        events=tuple(TrainingEvent(**event) for event in history.get("events", ())),
    )


def _weights(model: GeneMamba) -> dict[str, torch.Tensor]:
    weights = {name: tensor.cpu().contiguous() for name, tensor in model.state_dict().items()}
    if model.config.tie_embeddings:
        del weights[_TIED]
    return weights


def _load_model(path: Path, config: ModelConfig) -> GeneMamba:
    with torch.device("meta"):
        model = GeneMamba(config)
    try:
        weights = safetensors.torch.load_file(path)
    except safetensors.SafetensorError as error:
        msg = f"Expected weights in {path}, found a damaged file: {error}."
        raise ModelError(msg) from error
    if config.tie_embeddings and "embeddings.weight" in weights:
        weights[_TIED] = weights["embeddings.weight"]
    expected = {name: tuple(t.shape) for name, t in model.state_dict().items()}
    found = {name: tuple(t.shape) for name, t in weights.items()}
    if faults := sorted(name for name, _ in expected.items() ^ found.items()):
        name = faults[0]
        msg = (
            f"Expected {len(expected)} weights of the configuration in {path}, found"
            f" {len(set(faults))} otherwise: {name} is {found.get(name, 'missing')}"
            f" instead of {expected.get(name, 'absent')}."
        )
        raise ModelError(msg)
    model.load_state_dict(weights, assign=True)
    model.tie()
    return model.requires_grad_()


def _read_json(
    path: Path, *, fields: tuple[str, ...], optional: tuple[str, ...] = ()
) -> Mapping[str, Any]:
    try:
        content = json.loads(path.read_text())
    except ValueError as error:
        msg = f"Expected JSON in {path}, found another text: {error}."
        raise ModelError(msg) from error
    if not isinstance(content, dict) or set(content) - set(optional) != set(fields):
        msg = f"Expected the fields {', '.join(fields)} in {path}, found others."
        raise ModelError(msg)
    return content
