"""How a model is trained, and the record of each step."""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any, Final, Literal, get_args

from genemamba.errors import ModelError
from genemamba.nn.objectives.objective import OBJECTIVES, ObjectiveName
from genemamba.nn.objectives.pathways import N_SAMPLED, TEMPERATURE

GENE_SET_WEIGHT: Final = 1.0
"""Weight of the aim that genes of one gene set have similar states; QinLab's derivative has 0.1.

``small`` on a PBMC multi-study set with half of Reactome, over two seeds: how often a pair of genes
of one pathway is more alike in its mean states than a pair of none rose from 0.488 to 0.610, for
pathways not trained on from 0.484 to 0.519; macro-F1 of a linear probe on held-out batches from
0.415 to 0.434. A weight of 0.1, over one of the seeds, gave 0.511, 0.488 and 0.430 (from 0.490,
0.478 and 0.417). Vectors of the embedding table stayed within 0.01 of chance."""

Precision = Literal["fp32", "bf16"]
"""Numbers that most of a step is computed in; weights and their moments are always float32."""

PRECISIONS: Final = get_args(Precision)
"""Every accepted `Precision`."""

LABELS: Final = "labels"
"""What fine-tuning trains a model to name; cells' own genes are no aim then."""

_BOUNDS: Final[tuple[tuple[tuple[str, ...], str, Callable[[Any], bool]], ...]] = (
    (
        ("seqlen", "minibatch_size", "steps", "accumulation_steps", "evaluate_every"),
        "1 or more",
        lambda value: value >= 1,
    ),
    (
        ("micro_batch_size", "patience"),
        "1 or more, or None",
        lambda value: value is None or value >= 1,
    ),
    (("precision",), "fp32 or bf16", lambda value: value in PRECISIONS),
    (("gene_set_genes",), "2 or more", lambda value: value >= 2),
    (
        ("warmup_steps", "weight_decay", "contrast_weight", "seed", "gene_set_weight"),
        "0 or more",
        lambda value: value >= 0,
    ),
    (
        ("lr", "mask_fraction", "temperature", "grad_clip", "gene_set_temperature"),
        "above 0",
        lambda value: value > 0,
    ),
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

    objective: ObjectiveName | Literal["labels"] = "masked"
    """What the model is trained to do, ``labels`` in fine-tuning; `contrast_weight` and
    `temperature` concern the masked one alone, `mask_fraction` labels, too."""

    gene_sets: str | None = None
    """``sha256:`` and 64 hex digits over the file of gene sets whose genes should have similar
    states; None for no such aim."""

    gene_set_weight: float = GENE_SET_WEIGHT
    """Of that aim, beside naming genes."""

    gene_set_temperature: float = TEMPERATURE
    """Divides the cosines between genes of a cell."""

    gene_set_genes: int = N_SAMPLED
    """Genes of a cell that are compared with one another, at most."""

    precision: Precision = "fp32"
    """bf16 computes products in bfloat16 where that is safe, and is refused where the device has
    none; weights, moments, decays and losses stay float32."""

    accumulation_steps: int = 1
    """Minibatches whose gradients are averaged into one step."""

    micro_batch_size: int | None = None
    """Rows of a minibatch that go through the model at once; None for all of them. The rows of all
    are scored together, so the result is the same but for rounding: fewer take less memory, and
    each is read twice. An objective may make two rows of a cell."""

    checkpoint_layers: bool = False
    """Keep only what enters each layer and compute the rest again for the gradient."""

    evaluate_every: int = 50
    """Steps between two looks at the held-out loss; without `patience` it is taken at the end."""

    patience: int | None = None
    """Looks at the held-out loss without a better one after which training stops; the best model
    is kept. None never stops early and keeps the last."""

    def __post_init__(self) -> None:
        faults = [
            f"{name}={getattr(self, name)} ({wanted})"
            for names, wanted, holds in _BOUNDS
            for name in names
            if not holds(getattr(self, name))
        ]
        if self.objective not in (*OBJECTIVES, LABELS):
            faults.append(
                f"objective={self.objective!r} (one of {', '.join((*OBJECTIVES, LABELS))})"
            )
        if faults:
            msg = f"Expected another training configuration, found {'; '.join(faults)}."
            raise ModelError(msg)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON can hold them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "TrainingConfig":
        """Build a configuration from what `to_dict` returned, by this release or an older one.

        Parameters
        ----------
        values
            Field names and values; a field with a default may be absent.

        Raises
        ------
        ModelError
            A field is unknown, one without a default is missing, or a value is impossible.
        """
        known = {field.name for field in fields(cls)}
        required = {field.name for field in fields(cls) if field.default is MISSING}
        if faults := sorted((set(values) - known) | (required - set(values))):
            msg = f"Expected training fields {sorted(known)}, found {faults} unknown or missing."
            raise ModelError(msg)
        return cls(**values)


@dataclass(frozen=True, kw_only=True, slots=True)
class StepRecord:
    """What one step showed."""

    step: int
    """Counted from 1."""

    loss: float
    """Cross entropy of naming genes, hidden or next ones, before the step, in nats."""

    contrast_loss: float | None
    """Cross entropy of finding each cell's other half, before the step, in nats; None where the
    objective has no halves."""

    lr: float
    """Learning rate of the step."""

    tokens_seen: int
    """Genes read in all steps so far."""

    pathway_loss: float | None = None
    """Cross entropy of finding genes of the same gene set, before the step, in nats; None without
    gene sets."""


EventKind = Literal["heldout", "stopped-early", "out-of-memory"]
"""What can happen beside the steps."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingEvent:
    """Something that happened between two steps."""

    step: int
    """Steps done when it happened."""

    kind: EventKind
    """What happened."""

    value: float
    """Held-out loss in nats (``heldout``); best held-out loss (``stopped-early``); rows that go
    through the model at once from now on (``out-of-memory``)."""
