"""How a model is trained, and the record of each step."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from genemamba.errors import ModelError

_BOUNDS: Final[tuple[tuple[tuple[str, ...], str, Callable[[float], bool]], ...]] = (
    (("seqlen", "minibatch_size", "steps"), "1 or more", lambda value: value >= 1),
    (
        ("warmup_steps", "weight_decay", "contrast_weight", "seed"),
        "0 or more",
        lambda value: value >= 0,
    ),
    (("lr", "mask_fraction", "temperature", "grad_clip"), "above 0", lambda value: value > 0),
    (("mask_fraction", "heldout_fraction"), "0 or more, below 1", lambda value: 0 <= value < 1),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingConfig:
    """Course of a pretraining.

    Raises
    ------
    ModelError
        A value is impossible; every such value is named.
    """

    seqlen: int
    """Tokens kept of a cell, in training and in embedding."""

    minibatch_size: int
    """Cells a step."""

    steps: int
    """Updates of the weights."""

    lr: float
    """Highest learning rate, reached after the warm-up."""

    warmup_steps: int
    """Steps of linear rise; a cosine to zero follows."""

    weight_decay: float = 0.01
    """Of matrices; gains, biases and the recurrence's parameters have none, as in Mamba."""

    mask_fraction: float = 0.15
    """Of the genes of a minibatch that are hidden and must be named."""

    contrast_weight: float = 1.0
    """Of finding a cell's other half, beside naming its hidden genes."""

    temperature: float = 0.1
    """Divides the cosines between halves."""

    grad_clip: float = 1.0
    """Largest norm of the gradient of all weights together."""

    heldout_fraction: float = 0.05
    """Of the cells that are not trained on, to measure the loss on."""

    seed: int = 0
    """Of weights, minibatches and hidden genes."""

    def __post_init__(self) -> None:
        faults = [
            f"{name}={getattr(self, name)} ({wanted})"
            for names, wanted, holds in _BOUNDS
            for name in names
            if not holds(getattr(self, name))
        ]
        if faults:
            msg = f"Expected another training configuration, found {'; '.join(faults)}."
            raise ModelError(msg)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON can hold them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "TrainingConfig":
        """Build a configuration from what `to_dict` returned.

        Parameters
        ----------
        values
            Field names and values.

        Raises
        ------
        ModelError
            A field is unknown or missing, or a value is impossible.
        """
        known = {field.name for field in fields(cls)}
        if faults := sorted(known ^ set(values)):
            msg = f"Expected training fields {sorted(known)}, found {faults} unknown or missing."
            raise ModelError(msg)
        return cls(**values)


@dataclass(frozen=True, kw_only=True, slots=True)
class StepRecord:
    """What one step showed."""

    step: int
    """Counted from 1."""

    loss: float
    """Cross entropy of naming the hidden genes, before the step, in nats."""

    contrast_loss: float
    """Cross entropy of finding each cell's other half, before the step, in nats."""

    lr: float
    """Learning rate of the step."""

    tokens_seen: int
    """Genes read in all steps so far."""
