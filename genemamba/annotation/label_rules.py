"""What the user says about labels, and what is said of a cell that gets none."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, Self

from genemamba.annotation.head import FitHead
from genemamba.annotation.linear_probe import fit_probe
from genemamba.annotation.neighbor_vote import fit_neighbors

FINE_TUNE: Final = "fine-tune"
"""The head that was trained together with its model, and lies beside it."""

LearntHead = Literal["probe", "neighbors"]
"""Heads that are learnt on top of an embedding that never saw a label."""

HeadName = LearntHead | Literal["fine-tune"]
"""Every head."""

HEADS: Final[Mapping[str, FitHead]] = {"probe": fit_probe, "neighbors": fit_neighbors}
"""How each is learnt. A head that changes the model, too, is learnt elsewhere and made an annotator
by `genemamba.annotation.annotator.calibrate`, on cells that its training did not see."""

ACCEPTED: Final = "accepted"
"""The cell has a label."""

LOW_CONFIDENCE: Final = "low confidence"
"""Its best label is not sure enough."""

UNFAMILIAR: Final = "unlike every labelled cell"
"""Its type may be one that nobody labelled."""

NO_GENE: Final = "no gene of the vocabulary"
"""The model cannot see it."""

NO_LABELS: Final = "fewer than two labelled types"
"""There was nothing to tell apart."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelRules:
    """What the user says about labels."""

    head: HeadName = "probe"
    """What turns the embedding into labels."""
    threshold: float = 0.5
    """Confidence below which a cell is called unknown; 0 asks for none."""
    max_error: float | None = None
    """Share of the accepted labels that may be wrong; None rejects by `threshold` alone."""

    @classmethod
    def of(cls, *, head: HeadName, threshold: float | None, max_error: float | None) -> Self:
        """Settle what is not said: a confidence of 0.5 is asked for where no error is stated.

        Where both are said, a cell must pass both.
        """
        default = 0.5 if max_error is None else 0.0
        return cls(
            head=head,
            threshold=default if threshold is None else threshold,
            max_error=max_error,
        )
