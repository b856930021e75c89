"""Scores in the Cell Ontology, as the page shows them."""

from collections.abc import Callable
from typing import NamedTuple

from genemamba.evaluation.annotation.hierarchy import HierarchyScore
from genemamba.evaluation.annotation.term_scores import TermScores


class TermRow(NamedTuple):
    """One method."""

    method: str
    """What it is."""
    score: HierarchyScore


class TermTable(NamedTuple):
    """All methods, ours first."""

    rows: tuple[TermRow, ...]
    release: str
    """Of the Cell Ontology."""
    interval_over: str
    """What was resampled for the intervals."""
    n: int
    """Cells scored."""
    n_without_term: int
    """Cells that are not, for their label means no term."""
    labels_without_term: tuple[str, ...]
    """Their labels."""
    provenance: str
    """Key of the run that scored them."""


def term_table(
    found: TermScores | None, *, title: Callable[[str], str], provenance: str
) -> TermTable | None:
    """Arrange the scores of all methods; None where there are none.

    Parameters
    ----------
    found
        From `genemamba.evaluation.annotation.term_scores`.
    title
        Says what a method is.
    provenance
        Key of the run that scored them.
    """
    if found is None or not found.scores:
        return None
    first = next(iter(found.scores.values()))
    return TermTable(
        rows=tuple(TermRow(title(name), score) for name, score in found.scores.items()),
        release=found.release,
        interval_over=first.interval_over,
        n=first.n,
        n_without_term=first.n_without_term,
        labels_without_term=found.labels_without_term,
        provenance=provenance,
    )
