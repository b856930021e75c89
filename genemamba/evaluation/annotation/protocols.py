"""Ways of holding cells of an atlas out, by the columns that its deposits came with."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from genemamba import keys
from genemamba.errors import SchemaError
from genemamba.evaluation.annotation.folds import Split, SplitKind
from genemamba.evaluation.annotation.split_checks import donors_on_both_sides
from genemamba.evaluation.annotation.splits import (
    hold_out_cells,
    hold_out_groups,
    leave_out_types,
    split_labelled,
)

HoldOut = Literal["donor", "batch", "study", "cells", "type"]
"""What a protocol holds out."""

DONOR_KEY: Final = "donor_id"
"""The CELLxGENE schema's column of donors, looked at where no other is named."""

STUDY_KEYS: Final = ("study", keys.DEPOSIT)
"""Columns of studies that are looked at where no other is named: the first that is there."""

NO_VALUE: Final = frozenset({"", "na", "nan", "none", keys.UNKNOWN})
"""Spellings of a missing value, in small letters."""


def split_atlas(
    obs: pd.DataFrame,
    *,
    hold_out: HoldOut | None = None,
    donor_key: str | None = None,
    study_key: str | None = None,
    seed: int,
) -> Split:
    """Split the labelled cells of an atlas version.

    Parameters
    ----------
    obs
        Its cells.
    hold_out
        What the heads have never seen; None leaves the choice to `split_labelled`.
    donor_key
        Column of donors; by default `DONOR_KEY` where all deposits have it. One name in two deposits
        is one donor. Where the column is known, no fold may have a donor on both sides.
    study_key
        Column of studies; by default the first of `STUDY_KEYS`.
    seed
        Of what is drawn.

    Raises
    ------
    SchemaError
        A column is missing, or the cells cannot be split in this way.
    """
    labels = obs[keys.CELL_TYPE].to_numpy(dtype=str)
    batch = obs[keys.BATCH].to_numpy(dtype=str)
    content = obs[keys.CONTENT_HASH].to_numpy(dtype=str)
    columns = {"label": keys.CELL_TYPE}
    if donor_key is not None or DONOR_KEY in obs:
        columns["donor"] = donor_key or DONOR_KEY
    donor = donors_of(obs, columns)
    if hold_out is None:
        split = split_labelled(labels, batch, seed=seed, content_hash=content, donor=donor)
    elif hold_out == "cells":
        split = hold_out_cells(labels, batch, seed=seed, content_hash=content)
    elif hold_out == "type":
        split = leave_out_types(labels, seed=seed, content_hash=content)
    else:
        kind, column = _groups(obs, hold_out, donor_key=donor_key, study_key=study_key)
        groups = column_values(obs, column)
        columns[hold_out] = column
        split = hold_out_groups(labels, groups, kind=kind, content_hash=content, donor=donor)
    if donor is not None and donor_key is not None:
        _refuse_shared_donors(split, donor)
    return replace(split, columns=columns)


def donors_of(obs: pd.DataFrame, columns: Mapping[str, str]) -> npt.NDArray[np.str_] | None:
    """Return the donor of each cell, shape ``(n_obs,)``, or None where no column is known.

    Parameters
    ----------
    obs
        Cells of the atlas version.
    columns
        `Split.columns`.
    """
    return column_values(obs, columns["donor"]) if "donor" in columns else None


def column_values(obs: pd.DataFrame, column: str) -> npt.NDArray[np.str_]:
    """Return a column as text, `keys.UNKNOWN` where a value is missing, shape ``(n_obs,)``.

    Parameters
    ----------
    obs
        Cells of the atlas version.
    column
        Name of the column.

    Raises
    ------
    SchemaError
        There is no such column.
    """
    if column not in obs:
        found = ", ".join(map(repr, obs.columns))
        raise SchemaError(
            expected=f"the column {column!r} in the cells of every deposit",
            found=f"the columns {found}",
            remedy="Name one of them, or add the column to the deposits that lack it.",
            rule="cells-column-missing",
            examples=[column],
        )
    values = obs[column].astype(object)
    texts = values.where(values.notna(), keys.UNKNOWN).astype(str)
    is_missing = texts.str.strip().str.lower().isin(NO_VALUE)
    return texts.mask(is_missing, keys.UNKNOWN).to_numpy(dtype=str)


def _groups(
    obs: pd.DataFrame, hold_out: HoldOut, *, donor_key: str | None, study_key: str | None
) -> tuple[SplitKind, str]:
    if hold_out == "donor":
        return "held-out donor", donor_key or DONOR_KEY
    if hold_out == "batch":
        return "held-out batch", keys.BATCH
    found = study_key or next(name for name in STUDY_KEYS if name in obs)
    return "held-out study", found


def _refuse_shared_donors(split: Split, donor: npt.NDArray[np.str_]) -> None:
    error = donors_on_both_sides(split, donor)
    if error is not None:
        raise error
