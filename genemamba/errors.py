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
    """

    def __init__(self, *, expected: str, found: str, remedy: str) -> None:
        self.expected = expected
        self.found = found
        self.remedy = remedy
        super().__init__(f"Expected {expected}, found {found}. {remedy}")

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild_input_error, (type(self), self.expected, self.found, self.remedy)


def _rebuild_input_error(
    kind: type[InputError], expected: str, found: str, remedy: str
) -> InputError:
    return kind(expected=expected, found=found, remedy=remedy)


class SourceError(InputError):
    """A file is not what it claims to be."""


class SchemaError(InputError):
    """A column, key or index is missing or doubled."""


class CountsError(InputError):
    """There are no raw counts, or values that cannot be counts."""


class GenesError(InputError):
    """The genes are of another species, or too few of them are known."""


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
