"""The Cell Ontology columns of an annotation: the term of each cell that is sure enough."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from genemamba import keys
from genemamba.annotation.roll_up import TermLevels
from genemamba.ontology.graph import CellOntology
from genemamba.provenance import Json


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Naming:
    """How cells are called in the Cell Ontology."""

    terms: Mapping[str, str]
    """Term ids by label; a label that is absent means none."""
    ontology: CellOntology
    """The release that they are of."""
    confidence: float
    """Probability that a term must reach, in (0.5, 1]."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TermColumns:
    """Columns that are filled block by block."""

    levels: TermLevels
    """Terms at or above those of the labels."""
    threshold: float
    """Probability that a term must reach."""
    term_ids: npt.NDArray[np.object_]
    """`keys.UNKNOWN` until they are filled, shape ``(n_obs,)``."""
    labels: npt.NDArray[np.object_]
    """Their names, shape ``(n_obs,)``."""
    confidence: npt.NDArray[np.float32]
    """Their probabilities, shape ``(n_obs,)``."""

    @classmethod
    def blank(cls, n_obs: int, classes: Sequence[str], naming: Naming) -> Self:
        """Prepare columns in which every cell is unknown.

        Parameters
        ----------
        n_obs
            Cells.
        classes
            Labels of the head, in its order; none without a head.
        naming
            What the labels mean.
        """
        return cls(
            levels=TermLevels.above(classes, naming.terms, naming.ontology),
            threshold=naming.confidence,
            term_ids=np.full(n_obs, keys.UNKNOWN, dtype=object),
            labels=np.full(n_obs, keys.UNKNOWN, dtype=object),
            confidence=np.zeros(n_obs, dtype=np.float32),
        )

    def fill(self, here: slice, probabilities_NC: npt.NDArray[np.floating]) -> None:
        """Call some cells the most specific term that is sure enough.

        Parameters
        ----------
        here
            Rows of the cells.
        probabilities_NC
            Of the labels; a row of zeros stays unknown, shape ``(n_block, n_classes)``.
        """
        found = self.levels.roll_up(probabilities_NC, threshold=self.threshold)
        self.term_ids[here], self.labels[here] = found.term_ids, found.labels
        self.confidence[here] = found.confidence

    def columns(self) -> dict[str, Any]:
        """Return the columns for ``obs``."""
        return {
            keys.TERM_PRED: pd.Categorical(self.term_ids),
            keys.CELL_TYPE_PRED_ROLLED_UP: pd.Categorical(self.labels),
            keys.CELL_TYPE_PRED_ROLLED_UP_CONFIDENCE: self.confidence,
        }


def count_terms(obs: pd.DataFrame) -> dict[str, Json]:
    """Return the cells by rolled-up label, the most frequent first; nothing without the column."""
    if keys.CELL_TYPE_PRED_ROLLED_UP not in obs:
        return {}
    counts = obs[keys.CELL_TYPE_PRED_ROLLED_UP].value_counts()
    return {"terms": {str(label): int(n) for label, n in counts.items() if n}}
