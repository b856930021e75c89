"""What each method's held-out labels are worth in the Cell Ontology, in memory and as JSON."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from genemamba.evaluation.annotation.hierarchy import HierarchyScore, score_labels
from genemamba.evaluation.annotation.resampling import Interval
from genemamba.ontology.graph import CellOntology
from genemamba.provenance import Json, canonical_json
from genemamba.storage import split_url


class Calls(Protocol):
    """Labels of held-out cells by one method."""

    @property
    def rows(self) -> npt.NDArray[np.intp]:
        """Row of each scored cell."""

    @property
    def truth(self) -> npt.NDArray[np.object_]:
        """Author's label."""

    @property
    def predicted(self) -> npt.NDArray[np.object_]:
        """Label by the method."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TermScores:
    """Scores of all methods, and what they leave out."""

    scores: Mapping[str, HierarchyScore]
    """By method, ours first; empty where no author's label has a term."""
    release: str
    """Of the Cell Ontology."""
    labels_without_term: tuple[str, ...]
    """Authors' labels of held-out cells that are not scored."""

    def summary(self) -> dict[str, Json]:
        """Return the figures that a person asks for first, by method."""
        return {
            "release": self.release,
            "methods": {
                name: {
                    "precision": score.precision,
                    "recall": score.recall,
                    "f1": score.f1,
                    "accuracy": score.accuracy,
                    "n": score.n,
                    "n_without_term": score.n_without_term,
                }
                for name, score in self.scores.items()
            },
            "labels_without_term": list(self.labels_without_term),
        }

    def to_document(self) -> dict[str, Json]:
        """Describe everything as JSON can hold it."""
        return {
            "release": self.release,
            "labels_without_term": list(self.labels_without_term),
            "scores": [[name, dataclasses.asdict(one)] for name, one in self.scores.items()],
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "TermScores":
        """Build what `to_document` described."""
        return cls(
            release=document["release"],
            labels_without_term=tuple(document["labels_without_term"]),
            scores={name: _parse(values) for name, values in document["scores"]},
        )


def score_calls(
    calls: Mapping[str, Calls],
    terms: Mapping[str, str],
    ontology: CellOntology,
    *,
    seed: int,
    donor: npt.ArrayLike | None = None,
) -> TermScores:
    """Score the labels of every method by the terms that they mean.

    Parameters
    ----------
    calls
        By method, all over the same cells.
    terms
        Term ids by label.
    ontology
        The release that the terms are of.
    seed
        Of the bootstraps.
    donor
        Donor of each cell of the atlas, shape ``(n_obs,)``: intervals are then over donors.
    """
    donors = None if donor is None else np.asarray(donor, dtype=object)
    labels = {str(label) for called in calls.values() for label in np.unique(called.truth)}
    without = tuple(sorted(labels - set(terms)))
    if labels <= set(without):
        return TermScores(scores={}, release=ontology.release, labels_without_term=without)
    return TermScores(
        scores={
            name: score_labels(
                called.truth,
                called.predicted,
                terms,
                ontology,
                seed=seed,
                donor=None if donors is None else donors[called.rows],
            )
            for name, called in calls.items()
        },
        release=ontology.release,
        labels_without_term=without,
    )


def write_term_scores(found: TermScores, url: str) -> None:
    """Write scores as JSON to an empty place, local or remote."""
    fs, path = split_url(url)
    fs.pipe_file(path, canonical_json(found.to_document()).encode())


def read_term_scores(url: str) -> TermScores:
    """Read what `write_term_scores` wrote."""
    fs, path = split_url(url)
    return TermScores.from_document(json.loads(fs.cat_file(path)))


def _parse(values: Mapping[str, Any]) -> HierarchyScore:
    ends = {name: Interval(*values[name]) for name in ("f1_interval", "accuracy_interval")}
    return HierarchyScore(**{**values, **ends})
