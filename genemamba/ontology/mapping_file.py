"""The file that says which Cell Ontology term each author's label means, written to be reviewed."""

import csv
import hashlib
import io
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, get_args

from genemamba.errors import SchemaError, SourceError
from genemamba.keys import UNKNOWN
from genemamba.ontology.graph import ROOT, CellOntology
from genemamba.ontology.proposals import SURE, Method, Proposer

REVIEWED: Final = "yes"
"""What a person writes into `reviewed` to stand for a row, whatever the method."""

MAX_NAMED: Final = 5
"""Faults that an error spells out; it counts the others."""


class MappingRow(NamedTuple):
    """One label, as a row of the file: its fields are the columns, tab-separated."""

    label: str
    """As the author wrote it."""
    n_cells: int
    """Cells of the atlas that have it."""
    cl_id: str
    """Term that it means; empty where it means none."""
    cl_label: str
    """Name of the term, for the reader; checked against the id where it is filled in."""
    method: Method
    """How the term was found."""
    score: float
    """How sure the proposal was, in [0, 1]."""
    reviewed: str
    """`REVIEWED` where a person stands for the row, else ``no``."""

    @property
    def is_reviewed(self) -> bool:
        """Whether a person stands for the row."""
        return self.reviewed == REVIEWED

    @property
    def is_used(self) -> bool:
        """Whether the term counts: found by a rule, or confirmed by a person."""
        return bool(self.cl_id) and (self.is_reviewed or self.method in SURE)


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelMapping:
    """What each label means, from `read_label_mapping`."""

    name: str
    """Name of the file."""
    digest: str
    """``sha256:`` and 64 hex digits over its bytes."""
    rows: tuple[MappingRow, ...]
    """In the order of the file."""

    @property
    def terms(self) -> dict[str, str]:
        """Term ids by label, of the rows that are used."""
        return {row.label: row.cl_id for row in self.rows if row.is_used}

    @property
    def pending(self) -> tuple[str, ...]:
        """Labels whose suggestion waits for a person."""
        return tuple(row.label for row in self.rows if row.cl_id and not row.is_used)

    def check_covers(self, labels: Iterable[str]) -> None:
        """Refuse labels that are not in the file; `keys.UNKNOWN` is none.

        Raises
        ------
        SchemaError
            One is missing.
        """
        missing = sorted(set(labels) - {row.label for row in self.rows} - {UNKNOWN})
        if not missing:
            return
        raise SchemaError(
            expected=f"every label of the atlas in {self.name}",
            found=f"{len(missing)} that are not there: {_name(map(repr, missing))}",
            remedy="Add them with genemamba ontology map, which keeps the rows of that file "
            f"with reviewed={REVIEWED}.",
            rule="label-mapping-incomplete",
            count=len(missing),
            examples=missing[:MAX_NAMED],
        )


def propose_mapping(
    counts: Mapping[str, int], ontology: CellOntology, *, kept: Iterable[MappingRow] = ()
) -> tuple[MappingRow, ...]:
    """Propose a term for each label, the most frequent first.

    Parameters
    ----------
    counts
        Cells by label; `keys.UNKNOWN` is none.
    ontology
        The release whose terms are proposed.
    kept
        Rows of an earlier file; those that a person stands for stay, with the cells of now, also
        where no cell has the label any more.
    """
    reviewed = {row.label: row for row in kept if row.is_reviewed}
    labels = (set(counts) - {UNKNOWN}) | set(reviewed)
    rows = [
        reviewed[label]._replace(n_cells=counts.get(label, 0))
        if label in reviewed
        else MappingRow(
            label=label,
            n_cells=counts[label],
            cl_id=proposal.cl_id,
            cl_label=ontology.label(proposal.cl_id) if proposal.cl_id else "",
            method=proposal.method,
            score=proposal.score,
            reviewed="no",
        )
        for label, proposal in Proposer(ontology).propose_all(labels).items()
    ]
    return tuple(sorted(rows, key=lambda row: (-row.n_cells, row.label)))


def write_label_mapping(rows: Iterable[MappingRow], path: Path) -> None:
    """Write the file, whole or not at all; a file that is there is replaced."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, dialect="excel-tab", lineterminator="\n")
    writer.writerow(MappingRow._fields)
    writer.writerows(rows)
    staged = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        staged.write_text(text.getvalue(), encoding="utf-8")
        staged.replace(path)
    finally:
        staged.unlink(missing_ok=True)


def read_label_mapping(path: Path, ontology: CellOntology) -> LabelMapping:
    """Read a file and check every row against a release.

    Parameters
    ----------
    path
        From `write_label_mapping`, edited by a person or not.
    ontology
        The release that the ids are looked up in.

    Raises
    ------
    SourceError
        The file cannot be read, or is no such table.
    SchemaError
        A label is there twice; a value is none of those allowed; an id is unknown or deprecated,
        or does not have the label beside it. Ids of rows that are not used are checked, too.
    """
    try:
        return parse_label_mapping(path.read_bytes(), ontology, name=path.name)
    except OSError as error:
        raise _no_table(path.name, f"one that cannot be read ({error.strerror})") from error


def parse_label_mapping(content: bytes, ontology: CellOntology, *, name: str) -> LabelMapping:
    """Read a file's bytes, as `read_label_mapping` does; ``name`` is what errors call it."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _no_table(name, "bytes that are no text") from error
    reader = csv.DictReader(io.StringIO(text, newline=""), dialect="excel-tab")
    missing = [column for column in MappingRow._fields if column not in (reader.fieldnames or ())]
    if missing:
        raise _no_table(name, f"no column {', '.join(missing)}")
    rows: list[MappingRow] = []
    faults: list[str] = []
    seen: set[str] = set()
    for line, values in enumerate(reader, start=2):
        fault = _fault(values, seen, ontology)
        if fault:
            faults.append(f"line {line}: {fault}")
            continue
        seen.add(values["label"])
        rows.append(_row(values))
    if faults:
        raise SchemaError(
            expected=f"a term in use of the Cell Ontology {ontology.release}, or none, for each "
            f"label of {name}",
            found=f"{len(faults)} faults: {_name(faults)}",
            remedy="Correct these lines; an empty cl_id says that a label means no term.",
            rule="label-mapping",
            count=len(faults),
            examples=faults[:MAX_NAMED],
        )
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    return LabelMapping(name=name, digest=digest, rows=tuple(rows))


def _fault(values: Mapping[str, str | None], seen: set[str], ontology: CellOntology) -> str:
    """Say what is wrong with a row; nothing where nothing is."""
    given = {name: values[name] for name in MappingRow._fields}
    if None in given.values() or None in values:
        return f"other than {len(given)} columns"
    checks = {
        f"the label {given['label']!r} again": given["label"] in seen,
        f"method {given['method']!r}": given["method"] not in get_args(Method),
        f"reviewed {given['reviewed']!r}, neither yes nor no": given["reviewed"]
        not in (REVIEWED, "no"),
        f"{given['n_cells']!r} cells": not (given["n_cells"] or "").isdecimal(),
        f"score {given['score']!r}": not _is_number(given["score"] or ""),
    }
    wrong = [fault for fault, is_so in checks.items() if is_so]
    return wrong[0] if wrong else _term_fault(given["cl_id"] or "", given["cl_label"], ontology)


def _term_fault(term_id: str, label: str | None, ontology: CellOntology) -> str:
    if not term_id:
        return ""
    if term_id == ROOT:
        return f"{ROOT}, which is any cell"
    term = ontology.terms.get(term_id)
    if term is None:
        return f"{term_id!r}, which is no term"
    if term.deprecated:
        instead = " or ".join(term.replaced_by) or "nothing"
        return f"{term_id}, which is deprecated: write {instead} in its place"
    if label and label != term.label:
        return f"{term_id}, which is {term.label!r}, not {label!r}"
    return ""


def _row(values: Mapping[str, str]) -> MappingRow:
    parsed = {"n_cells": int(values["n_cells"]), "score": float(values["score"])}
    return MappingRow(**{name: values[name] for name in MappingRow._fields} | parsed)  # type: ignore[arg-type]


def _is_number(text: str) -> bool:
    try:
        return 0 <= float(text) <= 1
    except ValueError:
        return False


def _name(faults: Iterable[str]) -> str:
    listed = list(faults)
    more = f" and {len(listed) - MAX_NAMED} more" if len(listed) > MAX_NAMED else ""
    return "; ".join(listed[:MAX_NAMED]) + more


def _no_table(name: str, found: str) -> SourceError:
    return SourceError(
        expected=f"{name} to be a label mapping",
        found=found,
        remedy="Write one with genemamba ontology map --atlas NAME --out FILE.tsv.",
        rule="label-mapping-unreadable",
    )
