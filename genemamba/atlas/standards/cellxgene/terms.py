"""What the values of a column of ontology terms may be, and what is wrong with those that are."""

from dataclasses import dataclass, replace
from typing import Final, Self

from genemamba.atlas.standards.cellxgene.ontology import Ontologies

SEPARATOR: Final = " || "
"""Between the terms of a value that holds several."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TermRule:
    """What a value may be."""

    words: frozenset[str] = frozenset()
    """Words that stand for no term, such as ``unknown``."""
    ontologies: tuple[str, ...] = ()
    """Ontologies a term may be of; with none, only the words are allowed."""
    terms: frozenset[str] = frozenset()
    """Terms that are allowed."""
    below: frozenset[str] = frozenset()
    """Terms whose descendants are allowed. Without these and `terms`, every term is."""
    whole: frozenset[str] = frozenset()
    """Ontologies every term of which is allowed."""
    refused: frozenset[str] = frozenset()
    """Terms that are not allowed all the same."""
    refused_below: frozenset[str] = frozenset()
    """Terms whose descendants are not."""
    several: bool = False
    """Whether a value may hold several terms, sorted, between `SEPARATOR`."""
    several_of: tuple[str, ...] = ()
    """Ontologies that the terms must be of where there are several; with none, as `ontologies`."""
    prefixes: tuple[str, ...] = ()
    """What may stand before a term, such as ``anti-``."""

    def with_words(self, *words: str) -> Self:
        """Return the rule with other words."""
        return replace(self, words=frozenset(words))

    def bare(self, value: str) -> list[str]:
        """Return the ids of the terms in a value."""
        parts = value.split(SEPARATOR) if self.several else [value]
        return [self._without_prefix(part) for part in parts]

    def fault(self, value: object, ontologies: Ontologies) -> str:
        """Say what is wrong with a value; nothing where it is allowed."""
        if value in self.words:
            return ""
        if not isinstance(value, str):
            return "is no text"
        if not self.ontologies:
            return f"is not {' or '.join(sorted(self.words))}"
        parts = value.split(SEPARATOR) if self.several else [value]
        for part in parts:
            fault = self._term_fault(self._without_prefix(part), ontologies, several=len(parts) > 1)
            if fault:
                return fault if len(parts) == 1 else f"holds {part!r}, which {fault}"
        if [part.strip() for part in parts] != sorted(part.strip() for part in parts):
            return "is not in ascending lexical order"
        return "contains duplicates" if len(set(parts)) < len(parts) else ""

    def _without_prefix(self, part: str) -> str:
        for prefix in self.prefixes:
            if part.startswith(prefix):
                return part.removeprefix(prefix)
        return part

    def _term_fault(self, term_id: str, ontologies: Ontologies, *, several: bool) -> str:
        if term_id in self.refused:
            return "is not allowed"
        names = (several and self.several_of) or self.ontologies
        if term_id in self.terms and names is self.ontologies:
            return ""  # without a look into the ontology, which may take seconds
        term = ontologies.term(term_id)
        if term is None or term.ontology not in names:
            return f"is no term of {', '.join(names)}"
        if term.deprecated:
            return f"is a deprecated term of {term.ontology}"
        if not term.ancestors.isdisjoint(self.refused_below):
            return f"is below {', '.join(sorted(self.refused_below & term.ancestors))}"
        open_to_all = not self.terms and not self.below and not self.whole
        known = term_id in self.terms or term.ontology in self.whole
        if open_to_all or known or not term.ancestors.isdisjoint(self.below):
            return ""
        return "is not among the allowed terms"
