"""Cell Ontology terms proposed for authors' labels, and how sure each proposal is."""

import csv
import functools
from collections import defaultdict
from collections.abc import Iterable, Mapping
from importlib import resources
from typing import Final, Literal, NamedTuple

from genemamba.ontology.conventions import expand
from genemamba.ontology.graph import CellOntology
from genemamba.ontology.spelling import is_compound, key, plain

Method = Literal["exact", "synonym", "normalised", "abbreviation", "fuzzy-suggestion", "none"]
"""How a term was found: by its label; by an exact synonym; by either in another spelling, order or
number, or without the word cell; by an abbreviation or convention of the field; by likeness, or
by an abbreviation that has several meanings; or not at all. `SURE` says which are used unseen."""

Key = tuple[str, ...]
"""Words of a name, from `genemamba.ontology.spelling.key`."""

SURE: Final[frozenset[str]] = frozenset({"exact", "synonym", "normalised", "abbreviation"})
"""Methods whose proposals are used without a person's consent."""

LIKENESS: Final = 0.75
"""Least likeness of a suggestion, in [0, 1]; about half of those above it are right, which is why a
person has to say so."""

SEVERAL_MEANINGS: Final = 0.5
"""Score of a suggestion by an abbreviation, or by a name of several terms."""

SHORT_SYNONYM: Final = 3
"""Letters of a synonym that is only suggested: ``IC`` is a neuron of the crab's stomach and a
cell of the kidney, ``DC1`` was another cell when the synonym was entered."""

NO_TYPE: Final = frozenset(
    {
        "", "ambiguous", "doublet", "doublets", "na", "n/a", "nan", "nd", "none", "not available",
        "not determined", "other", "others", "unassigned", "unclassified", "undefined",
        "undetermined", "unknown", "unlabeled", "unlabelled",
    }
)  # fmt: skip
"""Labels that say that there is none."""


class Proposal(NamedTuple):
    """What a label probably means."""

    cl_id: str
    """Empty where nothing is like it."""
    method: Method
    """How it was found."""
    score: float
    """1 where a rule found it, else how like the label and the nearest name are, in [0, 1]."""


NOTHING: Final = Proposal("", "none", 0.0)
"""No term is proposed."""


class Abbreviation(NamedTuple):
    """One row of the packaged table of abbreviations."""

    cl_id: str
    sure: bool
    """Whether it has that meaning in every tissue."""


class Proposer:
    """Proposes terms of one release.

    Parameters
    ----------
    ontology
        The release.
    abbreviations
        Whether the conventions and abbreviations of the field are used, beside the release's own
        names.
    """

    def __init__(self, ontology: CellOntology, *, abbreviations: bool = True) -> None:
        self._ontology = ontology
        self._labels: dict[str, str] = {}
        self._synonyms: dict[str, set[str]] = defaultdict(set)
        by_label: dict[Key, set[str]] = defaultdict(set)
        by_synonym: dict[Key, set[str]] = defaultdict(set)
        for term_id, term in ontology.terms.items():
            if term.deprecated:
                continue
            self._labels[plain(term.label)] = term_id
            by_label[key(term.label)].add(term_id)
            for synonym in term.synonyms:
                self._synonyms[plain(synonym)].add(term_id)
                if len(synonym) > SHORT_SYNONYM:
                    by_synonym[key(synonym)].add(term_id)
        # A term's own label counts for more than another term's synonym.
        self._by_key = {**by_synonym, **by_label}
        self._by_key.pop((), None)
        self._uses_abbreviations = abbreviations
        self._abbreviations = _abbreviations() if abbreviations else {}
        self._written_out = {expand(words): one for words, one in self._abbreviations.items()}

    def propose(self, label: str) -> Proposal:
        """Return the best proposal for a label.

        Parameters
        ----------
        label
            As the author wrote it.
        """
        name = plain(label)
        if name in NO_TYPE:
            return NOTHING
        if name in self._labels:
            return Proposal(self._labels[name], "exact", 1.0)
        words = key(label)
        found = (
            self._by_abbreviation(words, self._abbreviations)
            or self._by_synonym(name)
            or self._by_words(words, "normalised")
            or self._by_convention(words)
            or self._by_likeness(name)
        )
        if found.method in ("abbreviation", "normalised") and is_compound(label):
            return Proposal(found.cl_id, "fuzzy-suggestion", SEVERAL_MEANINGS)
        return found

    def propose_all(self, labels: Iterable[str]) -> dict[str, Proposal]:
        """Return the best proposal for each label, by label, sorted."""
        return {label: self.propose(label) for label in sorted(set(labels))}

    def _by_abbreviation(
        self, words: Key, abbreviations: Mapping[Key, Abbreviation]
    ) -> Proposal | None:
        found = abbreviations.get(words)
        if found is None or not self._ontology.is_in_use(found.cl_id):
            return None
        if found.sure:
            return Proposal(found.cl_id, "abbreviation", 1.0)
        return Proposal(found.cl_id, "fuzzy-suggestion", SEVERAL_MEANINGS)

    def _by_synonym(self, name: str) -> Proposal | None:
        found = self._synonyms.get(name)
        if not found:
            return None
        if len(found) == 1 and len(name) > SHORT_SYNONYM:
            return Proposal(min(found), "synonym", 1.0)
        return Proposal(min(found), "fuzzy-suggestion", SEVERAL_MEANINGS)

    def _by_words(self, words: Key, method: Method) -> Proposal | None:
        found = self._by_key.get(words)
        if not found:
            return None
        if len(found) == 1:
            return Proposal(min(found), method, 1.0)
        return Proposal(min(found), "fuzzy-suggestion", SEVERAL_MEANINGS)

    def _by_convention(self, words: Key) -> Proposal | None:
        if not self._uses_abbreviations:
            return None
        written_out = expand(words)
        return self._by_abbreviation(written_out, self._written_out) or self._by_words(
            written_out, "abbreviation"
        )

    def _by_likeness(self, name: str) -> Proposal:
        from rapidfuzz import fuzz, process

        found = process.extractOne(
            name, self._names, scorer=fuzz.token_sort_ratio, score_cutoff=100 * LIKENESS
        )
        if found is None:
            return NOTHING
        _, likeness, index = found
        return Proposal(self._ids[index], "fuzzy-suggestion", round(likeness / 100, 3))

    @functools.cached_property
    def _names(self) -> list[str]:
        return [*self._labels, *self._synonyms]

    @functools.cached_property
    def _ids(self) -> list[str]:
        return [*self._labels.values(), *(min(found) for found in self._synonyms.values())]


@functools.cache
def _abbreviations() -> dict[Key, Abbreviation]:
    table = resources.files("genemamba.ontology") / "data" / "abbreviations.tsv"
    rows = list(csv.DictReader(table.read_text("utf-8").splitlines(), delimiter="\t"))
    meanings = [Abbreviation(row["cl_id"], row["sure"] == "yes") for row in rows]
    return {key(row["abbreviation"]): meaning for row, meaning in zip(rows, meanings, strict=True)}
