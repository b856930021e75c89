"""The table of cells of a store: canonical labels and batches, and what else was deposited."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from genemamba import keys
from genemamba.atlas.cells.column_types import ColumnType, type_of
from genemamba.atlas.cells.columns import is_plain, name_changes
from genemamba.atlas.cells.quality_columns import QUALITY_COLUMNS
from genemamba.atlas.cells.repeats import KeySpool
from genemamba.atlas.options import IngestOptions
from genemamba.atlas.sources.cell_elements import iterate_blocks
from genemamba.atlas.sources.cell_table import CellTable
from genemamba.errors import SchemaError
from genemamba.findings import MAX_EXAMPLES

DISPLACED: Final = "source_"
"""Prefix of a deposited column whose name is needed for a canonical one."""

CELL_ID_DIGITS: Final = 12
"""Hex digits of the deposit's sha256 in a cell id: 48 bits, no clash among 10 000 deposits."""

RESERVED: Final = (keys.CELL_TYPE, keys.BATCH, keys.CELL_ID, keys.CONTENT_HASH, *QUALITY_COLUMNS)
"""Columns that a store has of its own."""

CELLS_AT_ONCE: Final = 65_536
"""Cells whose columns are read and written at a time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredColumn:
    """A deposited column as the store has it."""

    source: str
    """Its name in the deposit."""
    name: str
    """Its name in the store."""
    type: ColumnType
    """How it is stored."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CellSchema:
    """How the cells of a deposit are named, labelled and stored."""

    name: str
    """Name of the deposit."""
    sha256: str
    """64 hex digits over its bytes."""
    label_key: str | None
    """Column the labels come from; None where there are none."""
    batch_key: str | None
    """Column the batches come from; None where the deposit is one batch."""
    trusted: tuple[str, tuple[str, ...]] | None
    """Column, and the values of it at which a label counts."""
    cell_types: Mapping[str, int]
    """Labels of the store and how many cells have them."""
    batches: Mapping[str, int]
    """Batches of the store and how many cells they have."""
    kept: tuple[StoredColumn, ...]
    """Deposited columns."""
    notes: tuple[str, ...]
    """What was changed, in sentences."""

    def apply(self, obs: pd.DataFrame) -> pd.DataFrame:
        """Return a block of cells as the store has them, without what pass 1 found.

        Parameters
        ----------
        obs
            Cells as deposited.
        """
        columns = _canonical(obs, self)
        for name, tally in ((keys.CELL_TYPE, self.cell_types), (keys.BATCH, self.batches)):
            columns[name] = columns[name].astype(pd.CategoricalDtype(sorted(tally)))
        columns |= {column.name: column.type.cast(obs[column.source]) for column in self.kept}
        return pd.DataFrame(columns, index=obs.index)


def check_columns(held: Collection[str], options: IngestOptions) -> None:
    """Check that the columns that the options name are there.

    Parameters
    ----------
    held
        Names of the columns of ``obs``.
    options
        What the user says.

    Raises
    ------
    SchemaError
        One is missing.
    """
    trusted = options.trusted_labels[0] if options.trusted_labels else None
    asked = {"batch key": options.batch_key, "label key": options.label_key, "trust": trusted}
    absent = {use: key for use, key in asked.items() if key and key not in held}
    if absent:
        missing = [f"{key!r} ({use})" for use, key in absent.items()]
        columns = ", ".join(repr(column) for column in held)
        raise SchemaError(
            expected=f"adata.obs to have the column {' and '.join(missing)}",
            found=f"the columns {columns}" if columns else "no columns",
            remedy="Name one of the columns that exist.",
            rule="cells-column-missing",
            count=len(absent),
            examples=list(absent.values()),
        )


def refuse_repeated_names(table: CellTable, *, folder: Path) -> None:
    """Refuse a deposit in which two cells have one name.

    Parameters
    ----------
    table
        The cells.
    folder
        Scratch folder.

    Raises
    ------
    SchemaError
        Some names are repeated.
    """
    with KeySpool(folder) as spool:
        for start, stop in iterate_blocks(table.n_obs, size=CELLS_AT_ONCE):
            names = table.rows(start, stop).index.to_numpy(dtype=object)
            hashed = pd.util.hash_array(names, categorize=False)
            # The first bits say to which file a key goes; the second word is not needed.
            spool.append(np.stack([hashed, hashed], axis=1), first_row=start)
        count, examples = 0, []
        for rows in spool.repeated():
            alike = [table.rows(row, row + 1).index[0] for row in rows[:MAX_EXAMPLES].tolist()]
            if len(set(alike)) < len(alike):
                count += len(rows) - 1
                examples += [alike[0]]
    if count:
        shown = sorted(examples)[:3]
        raise SchemaError(
            expected="every cell to have a name of its own",
            found=f"{count} repeated obs_names, such as {', '.join(map(repr, shown))}",
            remedy="Call adata.obs_names_make_unique(), or add the sample to the names.",
            rule="cells-name-repeated",
            count=count,
            examples=shown,
        )


class CellSurvey:
    """Settles, block by block, how a deposit's cells are labelled and stored.

    Parameters
    ----------
    name, sha256
        Name and digest of the deposit.
    options
        What the user says about it.
    columns
        Names of the deposit's columns.
    """

    def __init__(
        self, *, name: str, sha256: str, options: IngestOptions, columns: tuple[str, ...]
    ) -> None:
        label_key = options.label_key or _default(keys.CELL_TYPE, columns)
        batch_key = options.batch_key or _default(keys.BATCH, columns)
        self._schema = CellSchema(
            name=name,
            sha256=sha256,
            label_key=label_key,
            batch_key=batch_key,
            trusted=options.trusted_labels,
            cell_types={},
            batches={},
            kept=(),
            notes=(),
        )
        self._types: dict[str, ColumnType] = {}
        self._restated: dict[str, str] = {}
        self._is_canonical = dict.fromkeys(columns, True)
        self._tallies: dict[str, Counter[str]] = {keys.CELL_TYPE: Counter(), keys.BATCH: Counter()}
        self._codes: dict[str, int] = {}
        self._n_trusted = self._n_obs = 0

    @property
    def batches(self) -> list[str]:
        """Batches so far, by code."""
        return list(self._codes)

    def observe(self, obs: pd.DataFrame) -> np.ndarray:
        """Take a block of the cells that are kept into account; return the codes of its batches."""
        canonical = _canonical(obs, self._schema)
        for name, tally in self._tallies.items():
            tally.update(canonical[name].tolist())
        for name in obs.columns:
            found = type_of(obs[name])
            self._types[name] = self._types[name].merge(found) if name in self._types else found
            if not is_plain(obs[name]):
                self._restated[name] = str(obs[name].dtype)
            same = name in canonical and obs[name].astype(object).equals(canonical[name])
            self._is_canonical[name] = self._is_canonical[name] and same
        if self._schema.trusted:
            column, values = self._schema.trusted
            self._n_trusted += int(obs[column].astype(str).isin(values).sum())
        self._n_obs += len(obs)
        for name in canonical[keys.BATCH].unique():
            self._codes.setdefault(name, len(self._codes))
        return canonical[keys.BATCH].map(self._codes).to_numpy(dtype=np.int32)

    def finish(self) -> CellSchema:
        """Return what was settled."""
        kept = [name for name in self._types if not self._is_canonical[name]]
        changes = name_changes(kept)
        notes = [
            f"Column {name!r} is kept as {new!r}." for name, new in changes.items() if name != new
        ]
        notes += [
            f"Column {name!r} ({dtype}) is kept as strings."
            for name, dtype in self._restated.items()
        ]
        if self._schema.trusted:
            notes.append(f"{self._n_trusted} of {self._n_obs} cells have a label that is trusted.")
        return replace(
            self._schema,
            cell_types=dict(self._tallies[keys.CELL_TYPE]),
            batches=dict(self._tallies[keys.BATCH]),
            kept=tuple(
                StoredColumn(source=name, name=new, type=self._types[name])
                for name, new in _displace(changes).items()
            ),
            notes=tuple(notes),
        )


def _default(column: str, columns: tuple[str, ...]) -> str | None:
    return column if column in columns else None


def _canonical(obs: pd.DataFrame, schema: CellSchema) -> dict[str, pd.Series]:
    """Return labels, batches and ids of some cells as str objects."""
    labels = _strings(obs, schema.label_key, missing=keys.UNKNOWN, otherwise=keys.UNKNOWN)
    if schema.trusted:
        column, values = schema.trusted
        labels = labels.where(obs[column].astype(str).isin(values), keys.UNKNOWN)
    names = obs.index.to_series().astype(object)
    return {
        keys.CELL_TYPE: labels,
        keys.BATCH: _strings(obs, schema.batch_key, missing=keys.UNKNOWN, otherwise=schema.name),
        keys.CELL_ID: f"{schema.sha256[:CELL_ID_DIGITS]}:" + names,
    }


def _strings(obs: pd.DataFrame, column: str | None, *, missing: str, otherwise: str) -> pd.Series:
    """Return a column as str objects, with ``missing`` for missing and empty values."""
    if column is None:
        return pd.Series(otherwise, index=obs.index, dtype=object)
    values = obs[column].astype(object)
    present = values.notna() & (values.astype(str) != "")
    return values.where(present, missing).astype(str).astype(object)


def _displace(changes: Mapping[str, str]) -> dict[str, str]:
    """Rename the columns whose names the store needs for its own."""
    taken = set(changes.values()) | set(RESERVED)
    displaced = {}
    for name, new in changes.items():
        final = new
        while final in RESERVED or (final != new and final in taken):
            final = DISPLACED + final
        taken.add(final)
        displaced[name] = final
    return displaced
