"""The Cell Ontology as a graph: what a term is called, what lies above it and below it."""

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from math import log
from typing import Final, NamedTuple

from genemamba.provenance import Json

ROOT: Final = "CL:0000000"
"""The term ``cell``, above every other: it says nothing about a cell."""


class Term(NamedTuple):
    """One term, in use or given up."""

    label: str
    """Its name."""
    synonyms: tuple[str, ...]
    """Exact synonyms: other names for the same cells."""
    parents: tuple[str, ...]
    """Ids of the terms one step above, sorted; empty for the root and for deprecated terms."""
    deprecated: bool
    """Whether the ontology has given it up."""
    replaced_by: tuple[str, ...]
    """Of a deprecated term: the one that replaced it, or those to consider; else empty."""


@dataclass(frozen=True, kw_only=True, eq=False)
class CellOntology:
    """The terms of one release; see `genemamba.ontology.tables.load_ontology`.

    Its relation is "is a", from a term to its parents; it has no cycle, one root, and terms with
    several parents.
    """

    release: str
    """Such as ``v2026-03-26``."""
    digest: str
    """``sha256:`` and 64 hex digits over the table of terms, whatever file it was read from."""
    about: Mapping[str, Json]
    """Release, digest, source and licence."""
    terms: Mapping[str, Term]
    """By id, such as ``CL:0000236``, sorted."""

    def is_in_use(self, term_id: str) -> bool:
        """Say whether an id is a term of this release that is not deprecated."""
        return term_id in self.terms and not self.terms[term_id].deprecated

    def label(self, term_id: str) -> str:
        """Return the name of a term."""
        return self.terms[term_id].label

    def ancestors(self, term_id: str) -> frozenset[str]:
        """Return the ids of the terms above one, itself not among them."""
        return self._ancestors[term_id]

    def descendants(self, term_id: str) -> frozenset[str]:
        """Return the ids of the terms below one, itself not among them."""
        return self._descendants[term_id]

    def lineage(self, term_id: str) -> frozenset[str]:
        """Return a term and its ancestors, the root left out, for it is above every cell."""
        return (self._ancestors[term_id] | {term_id}) - {ROOT}

    def depth(self, term_id: str) -> int:
        """Return the number of steps on the longest way up to the root."""
        return self._depths[term_id]

    def information(self, term_id: str) -> float:
        """Return how specific a term is, in [0, 1].

        0 for the root, 1 for a term with none below it, and more for a term than for each of its
        ancestors: ``1 - log(1 + n_descendants) / log(n_terms)``. Unlike depth it does not depend
        on how finely a branch was drawn above a term.

        References
        ----------
        Seco, Veale and Hayes (2004), An intrinsic information content metric for semantic
        similarity in WordNet, ECAI, equation 1.
        """
        return 1 - log(1 + len(self._descendants[term_id])) / log(len(self._ancestors))

    def common_ancestor(self, term_ids: Iterable[str]) -> str:
        """Return the most specific term that is each of the terms or above it.

        Of several, none above another, it is the one with most `information`; of equal ones the
        deepest, then the first by id.

        Parameters
        ----------
        term_ids
            At least one id of a term in use.
        """
        shared = frozenset.intersection(*(self._ancestors[one] | {one} for one in term_ids))
        return self.most_specific(shared)

    def most_specific(self, term_ids: Iterable[str]) -> str:
        """Return the term with most `information`; of equal ones the deepest, then the first."""
        return min(
            term_ids,
            key=lambda term_id: (-self.information(term_id), -self.depth(term_id), term_id),
        )

    @functools.cached_property
    def _ancestors(self) -> dict[str, frozenset[str]]:
        found: dict[str, frozenset[str]] = {}
        for term_id in self._top_down:
            parents = self.terms[term_id].parents
            found[term_id] = frozenset(parents).union(*(found[parent] for parent in parents))
        return found

    @functools.cached_property
    def _descendants(self) -> dict[str, frozenset[str]]:
        below: dict[str, set[str]] = {term_id: set() for term_id in self._top_down}
        for term_id, ancestors in self._ancestors.items():
            for ancestor in ancestors:
                below[ancestor].add(term_id)
        return {term_id: frozenset(found) for term_id, found in below.items()}

    @functools.cached_property
    def _depths(self) -> dict[str, int]:
        depths: dict[str, int] = {}
        for term_id in self._top_down:
            parents = self.terms[term_id].parents
            depths[term_id] = 1 + max((depths[parent] for parent in parents), default=-1)
        return depths

    @functools.cached_property
    def _top_down(self) -> tuple[str, ...]:
        """Ids of the terms in use, parents first."""
        parents = {i: term.parents for i, term in self.terms.items() if not term.deprecated}
        return tuple(TopologicalSorter(parents).static_order())
