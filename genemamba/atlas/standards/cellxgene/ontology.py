"""Ontology terms by id, read from the files of the ``cellxgene-ontology-guide`` package."""

import functools
import importlib.metadata
import importlib.util
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from genemamba.atlas.standards.cellxgene.reporting import SCHEMA_VERSION
from genemamba.errors import InputError

PACKAGE: Final = "cellxgene_ontology_guide"
"""Carries the ontologies of every schema version, one compressed JSON file each."""

WINDOW: Final = 8 * 1024 * 1024
"""Bytes of a file that are searched at a time: the largest is 844 MB when decompressed."""

LONGEST: Final = 1024 * 1024
"""Bytes that the description of one term may take; the longest in use has some 100 kB."""

SPELLING: Final = re.compile(r"([A-Za-z]+):[A-Za-z0-9]+|([A-Za-z]+)_[A-Za-z0-9]+")
"""How an id begins: the ontology, a separator and a number."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Term:
    """One term of one ontology."""

    ontology: str
    """Name of the ontology, such as ``CL``."""
    ancestors: frozenset[str]
    """Ids of the terms above it, itself not among them."""
    deprecated: bool
    """Whether the ontology has given it up."""


class Ontologies:
    """The terms of one version of the schema, looked up when they are asked for.

    Parameters
    ----------
    folder
        Holds ``ontology_info.json`` and the files that it names.
    version
        Version of the package, for the record.
    """

    def __init__(self, folder: Path, *, version: str) -> None:
        self.version = version
        self._folder = folder
        info = json.loads((folder / "ontology_info.json").read_text())
        self._ontologies: dict[str, dict[str, Any]] = info[SCHEMA_VERSION]["ontologies"]
        self._terms: dict[str, Term | None] = {}

    @classmethod
    @functools.cache
    def load(cls) -> Self:
        """Open the files of the installed package, once in a process.

        Raises
        ------
        InputError
            The package is not installed, or too old to know the schema version.
        """
        found = importlib.util.find_spec(PACKAGE)
        if found is None or found.origin is None:
            found_instead = "no package cellxgene-ontology-guide"
            raise _no_ontologies(found_instead)
        version = importlib.metadata.version(PACKAGE)
        try:
            return cls(Path(found.origin).parent / "data", version=version)
        except KeyError:
            found_instead = f"cellxgene-ontology-guide {version} without it"
            raise _no_ontologies(found_instead) from None

    def term(self, term_id: str) -> Term | None:
        """Return a term; None where no ontology of the schema has it."""
        if term_id not in self._terms:
            self.look_up([term_id])
        return self._terms[term_id]

    def descends(self, term_id: object, ancestors: Iterable[str], *, or_is: bool = False) -> bool:
        """Say whether a term lies below one of others, or is one of them where ``or_is``."""
        if not isinstance(term_id, str):
            return False
        if or_is and term_id in ancestors:
            return True
        term = self.term(term_id)
        return term is not None and not term.ancestors.isdisjoint(ancestors)

    def look_up(self, term_ids: Iterable[str]) -> None:
        """Read terms into memory, each ontology's file once."""
        wanted: dict[str, set[str]] = defaultdict(set)
        for term_id in set(term_ids) - self._terms.keys():
            self._terms[term_id] = None
            name = self._ontology_of(term_id)
            if name is not None:
                wanted[name].add(term_id)
        for name, ids in wanted.items():
            path = self._folder / f"{name}-ontology-{self._ontologies[name]['version']}.json.zst"
            for term_id, entry in _entries(path, ids):
                self._terms[term_id] = Term(
                    ontology=name,
                    ancestors=frozenset(entry["ancestors"]),
                    deprecated=bool(entry["deprecated"]),
                )

    def _ontology_of(self, term_id: str) -> str | None:
        match = SPELLING.match(term_id)
        if match is None:
            return None
        prefix = match[1] or match[2]
        for name, facts in self._ontologies.items():
            known_as = {name.lower()} | {
                also.lower() for also in facts.get("additional_ontologies", ())
            }
            if prefix.lower() in known_as:
                return name if facts.get("id_separator", ":") in term_id else None
        return None


def _entries(path: Path, ids: set[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Find the entries of some terms in a compressed JSON object, in bounded memory."""
    import zstandard  # comes with the extra

    pending = {term_id: f"{json.dumps(term_id)}:{{".encode() for term_id in ids}
    decoder = json.JSONDecoder()
    tail = b""
    with path.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file) as stream:
        while pending and (block := _read(stream)):
            window = tail + block
            ends = len(block) < WINDOW
            for term_id, key in list(pending.items()):
                start = window.find(key)
                # An entry near the end may be cut off: it is found again, whole, in the next.
                if start < 0 or (start > len(window) - LONGEST and not ends):
                    continue
                start += len(key) - 1
                text = window[start : start + LONGEST].decode("utf-8", errors="ignore")
                del pending[term_id]
                yield term_id, decoder.raw_decode(text)[0]
            tail = window[-LONGEST:]


def _read(stream: Any) -> bytes:  # noqa: ANN401  # zstandard has no types
    parts, size = [], 0
    while size < WINDOW and (part := stream.read(WINDOW - size)):
        parts.append(part)
        size += len(part)
    return b"".join(parts)


def _no_ontologies(found: str) -> InputError:
    return InputError(
        expected=f"the ontologies of the CELLxGENE schema {SCHEMA_VERSION} to be installed",
        found=found,
        remedy="Install them with pip install 'genemamba-atlas[cellxgene]' (100 MB).",
        rule="cellxgene-ontologies-absent",
    )
