"""Findings of the schema check, each with the place in the deposit that it is about."""

import re
from collections.abc import Iterable
from typing import Final

from genemamba.findings import MAX_EXAMPLES, Finding, Severity

SCHEMA_VERSION: Final = "7.1.0"
"""The version of the schema that is checked
(https://github.com/chanzuckerberg/single-cell-curation/tree/main/schema/7.1.0)."""

REMEDY: Final = (
    f"Correct it as the CELLxGENE schema {SCHEMA_VERSION} says, and write the deposit again."
)
"""What to do where no rule says anything better."""


def error(
    place: str,
    problem: str,
    message: str,
    *,
    count: int = 1,
    examples: Iterable[object] = (),
    remedy: str = REMEDY,
) -> Finding:
    """Return a finding that the schema forbids.

    Parameters
    ----------
    place
        Where in the deposit, as typed after ``adata.``, such as ``obs["donor_id"]``.
    problem
        The last part of the rule's id, such as ``missing``.
    message
        What is wrong with it, to be read after the place.
    count
        How many cells, genes, values or columns it concerns.
    examples
        Some of them; only the first are kept.
    remedy
        What the user can do.
    """
    return _finding("error", place, problem, message, count, examples, remedy)


def warning(
    place: str, problem: str, message: str, *, count: int = 1, examples: Iterable[object] = ()
) -> Finding:
    """Return a finding that the schema advises against; parameters as `error`."""
    return _finding("warning", place, problem, message, count, examples, REMEDY)


def note(place: str, problem: str, message: str, *, count: int = 1) -> Finding:
    """Return a finding that asks nothing of anyone; parameters as `error`."""
    return _finding("note", place, problem, message, count, (), "")


def column(name: str, *, table: str = "obs") -> str:
    """Return the place of a column, or of a key."""
    return f'{table}["{name}"]'


def _finding(
    severity: Severity,
    place: str,
    problem: str,
    message: str,
    count: int,
    examples: Iterable[object],
    remedy: str,
) -> Finding:
    # Keys that users chose are no part of a rule's id, which is to be stable.
    topic = re.sub(r"[^a-z0-9]+", "-", place.split('"]["')[0].lower()).strip("-")
    return Finding(
        rule=f"cellxgene-{topic}-{problem}",
        severity=severity,
        message=f"{place} {message}",
        count=count,
        examples=tuple(str(example) for example in list(examples)[:MAX_EXAMPLES]),
        remedy=remedy,
    )
