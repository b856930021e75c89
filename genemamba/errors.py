"""Every error this project raises on purpose.

::

    GeneMambaError
    ├── InputError(ValueError)      refused input: what was expected, found, and what to do
    │   ├── SourceError             a file is not what it claims to be
    │   ├── SchemaError             a column, key or index is missing or doubled
    │   ├── CountsError             no raw counts, or values that cannot be counts
    │   └── GenesError              wrong species, or too few known genes
    ├── StorageError(OSError)       a folder cannot be written, a disk is full
    ├── StoreError(ValueError)      a written store is damaged or missing
    ├── CatalogError(RuntimeError)  the record is unreachable or contradicts itself
    │   └── StaleVersionError       another process made a version meanwhile
    └── ModelError(ValueError)      a checkpoint or backend cannot be used

The command line exits with 2 for `InputError` and with 1 for every other one.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar


class GeneMambaError(Exception):
    """An error with a message written for the person who runs the command."""


class InputError(GeneMambaError, ValueError):
    """Input that is refused before any work is done on it.

    Parameters
    ----------
    expected
        What would have been accepted, without a final stop.
    found
        What was there instead, with the values.
    remedy
        What the user can do, as an imperative.
    rule
        Stable id of the rule that refused, such as ``counts-negative``.
    count
        How many cells, genes, values or columns it concerns.
    examples
        The first of them.
    """

    default_rule: ClassVar[str] = "input"

    def __init__(
        self,
        *,
        expected: str,
        found: str,
        remedy: str,
        rule: str | None = None,
        count: int = 1,
        examples: Sequence[str] = (),
    ) -> None:
        self.expected = expected
        self.found = found
        self.remedy = remedy
        self.rule = rule or self.default_rule
        self.count = count
        self.examples = tuple(examples)
        super().__init__(f"Expected {expected}, found {found}. {remedy}")

    def __reduce__(self) -> tuple[object, ...]:
        fields = ("expected", "found", "remedy", "rule", "count", "examples")
        return _rebuild_input_error, (type(self), {name: getattr(self, name) for name in fields})


def _rebuild_input_error(kind: type[InputError], fields: Mapping[str, Any]) -> InputError:
    return kind(**fields)


class SourceError(InputError):
    """A file is not what it claims to be."""

    default_rule = "source-unreadable"


class SchemaError(InputError):
    """A column, key or index is missing or doubled."""

    default_rule = "schema-mismatch"


class CountsError(InputError):
    """There are no raw counts, or values that cannot be counts."""

    default_rule = "counts-invalid"


class GenesError(InputError):
    """The genes are of another species, or too few of them are known."""

    default_rule = "genes-unknown"


class StorageError(GeneMambaError, OSError):
    """A folder cannot be written, or its disk is full."""


class StoreError(GeneMambaError, ValueError):
    """A written store is damaged or missing."""


class CatalogError(GeneMambaError, RuntimeError):
    """The record is unreachable or contradicts itself."""


class StaleVersionError(CatalogError):
    """A version was made from another than the newest, because a process was faster."""


class ModelError(GeneMambaError, ValueError):
    """A checkpoint or a backend cannot be used."""
