"""The table of cells of a store: canonical labels and batches, and what else was deposited."""

from dataclasses import dataclass
from typing import Final

import pandas as pd

from genemamba import keys
from genemamba.atlas.columns import writable_table
from genemamba.errors import SchemaError

DISPLACED: Final = "source_"
"""Prefix of a deposited column whose name is needed for a canonical one."""

CELL_ID_DIGITS: Final = 12
"""Hex digits of the deposit's sha256 in a cell id: 48 bits, no clash among 10 000 deposits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class IngestOptions:
    """What the user says about a deposit."""

    batch_key: str | None = None
    """Column with the experimental batch; default `keys.BATCH` where the deposit has it."""

    label_key: str | None = None
    """Column with the label; default `keys.CELL_TYPE` where the deposit has it."""

    trusted_labels: tuple[str, tuple[str, ...]] | None = None
    """Column, and the values of it at which a label is one that a person or a sorter gave;
    labels of other cells count as unknown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HarmonisedCells:
    """The cells of a deposit under canonical names."""

    obs: pd.DataFrame
    """Index = deposited names; `keys.CELL_TYPE`, `keys.BATCH`, `keys.CELL_ID`, then the rest."""
    label_key: str | None
    """Column the labels came from; None where there are none."""
    batch_key: str | None
    """Column the batches came from; None where the deposit is one batch."""
    notes: tuple[str, ...]
    """What was changed, in sentences."""


def check_obs(obs: pd.DataFrame, options: IngestOptions) -> None:
    """Check names of cells and columns, before any value is read.

    Raises
    ------
    SchemaError
        A column that the options name is missing, or two cells have one name.
    """
    trusted = options.trusted_labels[0] if options.trusted_labels else None
    asked = {"batch key": options.batch_key, "label key": options.label_key, "trust": trusted}
    missing = [f"{key!r} ({use})" for use, key in asked.items() if key and key not in obs]
    if missing:
        columns = ", ".join(repr(str(column)) for column in obs.columns)
        raise SchemaError(
            expected=f"adata.obs to have the column {' and '.join(missing)}",
            found=f"the columns {columns}" if columns else "no columns",
            remedy="Name one of the columns that exist.",
        )
    doubled = obs.index[obs.index.duplicated()]
    if len(doubled):
        examples = ", ".join(repr(name) for name in doubled.unique()[:3])
        raise SchemaError(
            expected="every cell to have a name of its own",
            found=f"{len(doubled)} repeated obs_names, such as {examples}",
            remedy="Call adata.obs_names_make_unique(), or add the sample to the names.",
        )


def harmonise_cells(
    obs: pd.DataFrame, *, name: str, sha256: str, options: IngestOptions
) -> HarmonisedCells:
    """Give cells canonical labels, batches and ids, and keep every deposited column.

    A deposited column whose name a canonical one takes, with other values in it, is kept
    under its name with `DISPLACED` in front.

    Parameters
    ----------
    obs
        The deposit's table of cells.
    name, sha256
        Name and digest of the deposit.
    options
        What the user says about it.
    """
    # A name of the index that is also a column's cannot be written.
    obs = obs.rename_axis(None)
    label_key = options.label_key or _default(keys.CELL_TYPE, obs)
    batch_key = options.batch_key or _default(keys.BATCH, obs)
    kept, notes = writable_table(obs)
    canonical = {
        keys.CELL_TYPE: _strings(obs, label_key, missing=keys.UNKNOWN, otherwise=keys.UNKNOWN),
        keys.BATCH: _strings(obs, batch_key, missing=keys.UNKNOWN, otherwise=name),
        keys.CELL_ID: (f"{sha256[:CELL_ID_DIGITS]}:" + obs.index.to_series()).astype(object),
    }
    if options.trusted_labels:
        column, values = options.trusted_labels
        trusted = obs[column].astype(str).isin(values)
        canonical[keys.CELL_TYPE] = canonical[keys.CELL_TYPE].where(trusted, keys.UNKNOWN)
        notes.append(f"{int(trusted.sum())} of {len(obs)} cells have a label that is trusted.")
    kept = _displace(kept, canonical)
    for column in (keys.CELL_TYPE, keys.BATCH):
        canonical[column] = canonical[column].astype("category")
    return HarmonisedCells(
        obs=pd.concat([pd.DataFrame(canonical, index=obs.index), kept], axis=1),
        label_key=label_key,
        batch_key=batch_key,
        notes=tuple(notes),
    )


def _default(column: str, obs: pd.DataFrame) -> str | None:
    return column if column in obs else None


def _strings(obs: pd.DataFrame, column: str | None, *, missing: str, otherwise: str) -> pd.Series:
    """Return a column as str objects, with ``missing`` for missing and empty values."""
    if column is None:
        return pd.Series(otherwise, index=obs.index, dtype=object)
    values = obs[column].astype(object)
    present = values.notna() & (values.astype(str) != "")
    return values.where(present, missing).astype(str).astype(object)


def _displace(kept: pd.DataFrame, canonical: dict[str, pd.Series]) -> pd.DataFrame:
    names = {}
    for column in [*canonical, keys.CONTENT_HASH]:
        if column not in kept:
            continue
        if column in canonical and kept[column].astype(object).equals(canonical[column]):
            kept = kept.drop(columns=column)
            continue
        names[column] = DISPLACED + column
        while names[column] in kept:
            names[column] = DISPLACED + names[column]
    return kept.rename(columns=names)
