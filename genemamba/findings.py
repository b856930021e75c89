"""Verdicts as data: what a check found, in a form that a table, JSON and the catalog can hold."""

from dataclasses import asdict, dataclass
from typing import Literal

from genemamba.errors import InputError
from genemamba.provenance import Json

Severity = Literal["error", "warning", "note"]
"""An error refuses the deposit; a warning is to be looked at; a note says what was done."""

MAX_EXAMPLES = 5
"""Examples that a finding shows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """What one rule found in one deposit."""

    rule: str
    """Stable id, ``topic-problem`` in lower case, such as ``counts-negative``."""
    severity: Severity
    """What follows from it."""
    message: str
    """What was found, in one sentence with the values."""
    count: int = 1
    """How many cells, genes, values or columns it concerns."""
    examples: tuple[str, ...] = ()
    """The first of them, at most `MAX_EXAMPLES`."""
    remedy: str = ""
    """What the user can do, as an imperative; empty where there is nothing to do."""

    def to_json(self) -> dict[str, Json]:
        """Return it as JSON holds it."""
        return asdict(self) | {"examples": list(self.examples)}


def refusal(error: InputError) -> Finding:
    """Return the finding that an error stands for."""
    return Finding(
        rule=error.rule,
        severity="error",
        message=f"Expected {error.expected}, found {error.found}.",
        count=error.count,
        examples=error.examples[:MAX_EXAMPLES],
        remedy=error.remedy,
    )
