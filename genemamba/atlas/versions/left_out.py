"""What an atlas version says about single cells of a store: left out, or under an older name."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, get_args

import numpy as np

from genemamba.atlas.versions.row_ranges import count_ranges, read_ranges, write_ranges
from genemamba.errors import StoreError
from genemamba.provenance import Json

Reason = Literal["duplicate", "quality"]
"""Another row of the atlas is the same cell, or the user asked to filter by quality."""

ID_SEPARATOR: Final = ":"
"""Between the deposit's 12 hex digits and the deposited name in a cell id."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LeftOut:
    """Rows of a store that are no cells of the atlas version."""

    reason: Reason
    """Why."""
    rows: str
    """Which, as `genemamba.atlas.versions.row_ranges` writes them."""
    kept_by: str | None = None
    """Name of the deposit that keeps the same cells; None where the reason is quality."""

    def __post_init__(self) -> None:
        if self.reason not in get_args(Reason):
            msg = f"Expected one of the reasons {get_args(Reason)}, found {self.reason!r}."
            raise StoreError(msg)
        if (self.reason == "duplicate") == (self.kept_by is None):
            msg = f"Expected a keeper of duplicates only, found {self.kept_by!r} of {self.reason}."
            raise StoreError(msg)

    @property
    def n_obs(self) -> int:
        """Rows in all."""
        return count_ranges(self.rows)

    def to_json(self) -> dict[str, Json]:
        """Return it as a manifest holds it."""
        return {field: value for field, value in asdict(self).items() if value is not None}


@dataclass(frozen=True, kw_only=True, slots=True)
class InheritedIds:
    """Rows whose cells were first known by another deposit, and keep the ids they had there."""

    deposit: str
    """First 12 hex digits of the deposit that the ids begin with."""
    rows: str
    """Which rows, as `genemamba.atlas.versions.row_ranges` writes them."""
    names: tuple[str, ...] | None = None
    """What follows in the ids, by ascending row; None where it is the row's own name."""

    def __post_init__(self) -> None:
        if self.names is not None and len(self.names) != count_ranges(self.rows):
            msg = f"Expected {count_ranges(self.rows)} inherited names, found {len(self.names)}."
            raise StoreError(msg)

    def to_json(self) -> dict[str, Json]:
        """Return it as a manifest holds it."""
        document: dict[str, Json] = {"deposit": self.deposit, "rows": self.rows}
        return document if self.names is None else document | {"names": list(self.names)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "InheritedIds":
        """Read what `to_json` gave."""
        names = document.get("names")
        return cls(**{**document, "names": None if names is None else tuple(names)})


def left_out_rows(parts: Sequence[LeftOut]) -> np.ndarray:
    """Return the rows that any of the parts leaves out, int64, ascending.

    Raises
    ------
    StoreError
        A row is left out twice.
    """
    rows = np.concatenate([np.empty(0, np.int64), *(read_ranges(part.rows) for part in parts)])
    unique = np.unique(rows)
    if len(unique) < len(rows):
        msg = f"Expected every row to be left out once, found {len(rows) - len(unique)} doubled."
        raise StoreError(msg)
    return unique


def inherit_ids(own: np.ndarray, parts: Sequence[InheritedIds]) -> np.ndarray:
    """Replace the ids of rows that inherit one.

    Parameters
    ----------
    own
        Ids that the store's rows have by themselves, object, shape ``(n_obs,)``.
    parts
        Which rows inherit what.
    """
    ids = own.copy()
    for part in parts:
        rows = read_ranges(part.rows)
        names = (
            [split_id(cell_id)[1] for cell_id in own[rows]] if part.names is None else part.names
        )
        ids[rows] = [f"{part.deposit}{ID_SEPARATOR}{name}" for name in names]
    return ids


def describe_inheritance(
    rows: np.ndarray, own: np.ndarray, inherited: np.ndarray
) -> tuple[InheritedIds, ...]:
    """Write down which rows inherit which ids, as short as may be.

    Parameters
    ----------
    rows
        Distinct rows, ascending, shape ``(n,)``.
    own
        Ids that the rows have by themselves, object, shape ``(n,)``.
    inherited
        Ids that they get, object, shape ``(n,)``.
    """
    parts: dict[tuple[str, bool], tuple[list[int], list[str]]] = {}
    for row, before, after in zip(rows.tolist(), own, inherited, strict=True):
        deposit, name = split_id(after)
        numbers, names = parts.setdefault((deposit, split_id(before)[1] == name), ([], []))
        numbers.append(row)
        names.append(name)
    return tuple(
        InheritedIds(
            deposit=deposit,
            rows=write_ranges(np.asarray(numbers)),
            names=None if is_own else tuple(names),
        )
        for (deposit, is_own), (numbers, names) in sorted(parts.items())
    )


def split_id(cell_id: str) -> tuple[str, str]:
    """Take a cell id apart: the deposit's digits, and the name it has there."""
    deposit, _, name = cell_id.partition(ID_SEPARATOR)
    return deposit, name
