"""How a model is fine-tuned."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from genemamba.annotation.labelled_cells import MAX_CELLS_PER_TYPE
from genemamba.errors import ModelError
from genemamba.training.config import LABELS, TrainingConfig

COURSE: Final[Mapping[str, Any]] = {
    "minibatch_size": 32,
    "lr": 1e-4,
    "weight_decay": 0.05,
    "mask_fraction": 0.15,
    "heldout_fraction": 0.1,
}
"""Fields of `TrainingConfig` that fine-tuning sets otherwise than pretraining. The head is right from
the start, so the rate is a tenth of pretraining's: on pancreas panc8, from gene embeddings of unit
size, the accuracy on a technology not trained on was 0.28 after one epoch at 3e-4, 0.71 after three at
1e-4."""

EPOCHS: Final = 8
"""How often each labelled cell is seen at most, unless steps are given."""

LOOKS: Final = 16
"""Looks at the validation cells in a whole training."""

PATIENCE: Final = 4
"""Looks without a lower loss after which training stops: two epochs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FineTuning:
    """Course of a fine-tuning.

    Raises
    ------
    ModelError
        A value is impossible; every such value is named.
    """

    training: TrainingConfig
    """Its course, with the objective ``labels``; `mask_fraction` of a cell's genes are hidden from
    each look at it."""

    label_smoothing: float = 0.1
    """Share of the aim that is spread over all labels: authors err, and a certain model is badly
    calibrated. 0.1 is that of Szegedy et al., arXiv 1512.00567."""

    class_weight_power: float = 0.5
    """A cell weighs its type's number of cells to minus this."""

    max_cells_per_type: int = MAX_CELLS_PER_TYPE
    """Cells of one type that are learnt from."""

    def __post_init__(self) -> None:
        faults = [
            f"{name}={getattr(self, name)} ({wanted})"
            for name, wanted, holds in (
                ("label_smoothing", "0 or more, below 1", 0 <= self.label_smoothing < 1),
                ("class_weight_power", "0 to 1", 0 <= self.class_weight_power <= 1),
                ("max_cells_per_type", "1 or more", self.max_cells_per_type >= 1),
            )
            if not holds
        ]
        if self.training.objective != LABELS:
            faults.append(f"objective={self.training.objective!r} ({LABELS})")
        if faults:
            msg = f"Expected another fine-tuning, found {'; '.join(faults)}."
            raise ModelError(msg)

    @classmethod
    def for_cells(
        cls,
        n_cells: int,
        *,
        seqlen: int,
        seed: int,
        steps: int | None = None,
        epochs: int = EPOCHS,
        **changes: Any,  # noqa: ANN401  # fields of this class
    ) -> "FineTuning":
        """Return a course that suits a number of labelled cells.

        Parameters
        ----------
        n_cells
            Labelled cells, of which each is seen `epochs` times.
        seqlen
            Tokens kept of a cell.
        seed
            Of weights, minibatches and hidden genes.
        steps
            Steps instead.
        epochs
            Looks at each cell.
        changes
            Fields of this class that are to be otherwise.
        """
        per_epoch = -(-n_cells // COURSE["minibatch_size"])
        steps = steps or epochs * per_epoch
        training = TrainingConfig(
            **COURSE,
            seqlen=seqlen,
            steps=steps,
            warmup_steps=steps // 10,
            seed=seed,
            objective=LABELS,
            evaluate_every=max(1, steps // LOOKS),
            patience=PATIENCE,
        )
        return cls(training=training, **changes)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON can hold them."""
        return asdict(self)
