"""Labels at the most specific level that their probabilities allow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol, Self

import numpy as np
import numpy.typing as npt

from genemamba.keys import UNKNOWN

ROUNDING: Final = 1e-9
"""What a sum of probabilities may fall short of the threshold by: a sum of all of them is 1 but
for the last digits."""


class TermGraph(Protocol):
    """What has to be known of an ontology."""

    def label(self, term_id: str) -> str:
        """Return the name of a term."""

    def lineage(self, term_id: str) -> frozenset[str]:
        """Return a term and those above it, without the root."""

    def most_specific(self, term_ids: frozenset[str]) -> str:
        """Return the most specific of some terms; always the same one."""


class RolledUp(NamedTuple):
    """The term of each cell."""

    term_ids: npt.NDArray[np.object_]
    """Id of the term, `UNKNOWN` where only the root would be left, shape ``(n_obs,)``."""
    labels: npt.NDArray[np.object_]
    """Its name, or `UNKNOWN`, shape ``(n_obs,)``."""
    confidence: npt.NDArray[np.float64]
    """Its probability, in [0, 1], 0 where it is unknown, shape ``(n_obs,)``."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TermLevels:
    """The terms at or above those of a head's labels, the most specific first."""

    term_ids: tuple[str, ...]
    """No root; each term after all those below it."""
    labels: tuple[str, ...]
    """Their names."""
    holds: npt.NDArray[np.float64]
    """1 where a label means a term or one below it, else 0; shape ``(n_classes, n_terms)``."""

    @classmethod
    def above(cls, classes: Sequence[str], terms: Mapping[str, str], graph: TermGraph) -> Self:
        """Gather the terms that a head can speak of.

        Parameters
        ----------
        classes
            Labels of the head, in its order.
        terms
            Term ids by label; of a label that is absent nothing is known but that it is a cell.
        graph
            The ontology.
        """
        lineages = [
            graph.lineage(terms[name]) if name in terms else frozenset[str]() for name in classes
        ]
        left, ordered = frozenset[str]().union(*lineages), list[str]()
        while left:
            ordered.append(graph.most_specific(left))
            left -= {ordered[-1]}
        holds = [[term_id in lineage for term_id in ordered] for lineage in lineages]
        return cls(
            term_ids=tuple(ordered),
            labels=tuple(graph.label(term_id) for term_id in ordered),
            holds=np.array(holds, dtype=np.float64).reshape(len(classes), len(ordered)),
        )

    def roll_up(self, probabilities_NC: npt.NDArray[np.floating], *, threshold: float) -> RolledUp:
        """Call each cell the most specific term whose probability reaches the threshold.

        The probability of a term is that of all labels which mean it or a term below it, each
        counted once, however many ways lead from one to the other. Above one half, any two terms
        that reach the threshold share a label, so that a cell is never called one of two kinds
        that exclude each other.

        Parameters
        ----------
        probabilities_NC
            Of the head's labels, rows sum to one, shape ``(n_obs, n_classes)``.
        threshold
            In (0.5, 1].

        Raises
        ------
        ValueError
            The threshold lies elsewhere.
        """
        if not 0.5 < threshold <= 1:
            msg = f"Expected a threshold above 0.5 and not above 1, found {threshold}."
            raise ValueError(msg)
        # A column for the root, which every cell reaches: it comes last, and means unknown.
        term_ids, labels = (
            np.array([*names, UNKNOWN], dtype=object) for names in (self.term_ids, self.labels)
        )
        sums_NT = np.asarray(probabilities_NC, dtype=np.float64) @ self.holds
        n_obs = len(sums_NT)
        reached = np.hstack([sums_NT >= threshold - ROUNDING, np.ones((n_obs, 1), dtype=bool)])
        best = reached.argmax(axis=1)
        confidence = np.hstack([sums_NT, np.zeros((n_obs, 1))])[np.arange(n_obs), best]
        return RolledUp(term_ids[best], labels[best], np.minimum(confidence, 1.0))
