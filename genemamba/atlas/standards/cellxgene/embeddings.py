"""Embeddings in ``obsm``, and the other arrays that go with cells and genes."""

import re
from collections.abc import Iterator
from typing import Final

import numpy as np

from genemamba.atlas.sources.elements import open_elements
from genemamba.atlas.standards.cellxgene.deposit import SchemaDeposit, StoredArray
from genemamba.atlas.standards.cellxgene.reporting import column, error, warning
from genemamba.findings import Finding

KEY: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9_.-]*$")
"""What a key may be, after ``X_`` where it has that."""

BLOCK: Final = 4 * 1024 * 1024
"""Values that are read at a time."""


def check_embeddings(
    deposit: SchemaDeposit, *, spatial_assay: bool, is_single: bool | None
) -> Iterator[Finding]:
    """Check every array.

    Parameters
    ----------
    deposit
        What to check.
    spatial_assay
        Whether some cells are of an assay that measures places.
    is_single
        Whether a spatial deposit is of one section; None where that is not said.
    """
    for part, arrays in deposit.arrays.items():
        for key, array in arrays.items():
            if array.shape is not None and 0 in array.shape:
                yield error(column(key, table=part), "empty", f"has the shape {array.shape}.")
    embeddings = deposit.arrays["obsm"]
    if not embeddings:
        yield error("obsm", "missing", "holds no embedding.", remedy="Add one, such as X_umap.")
        return
    for key, array in embeddings.items():
        yield from _check_key(key)
        yield from _check_array(deposit, key, array)
    if not spatial_assay and not any(key.startswith("X_") for key in embeddings):
        yield error("obsm", "no-x", "holds no embedding whose key begins with 'X_'.")
    place = column("spatial", table="obsm")
    if is_single and "spatial" not in embeddings:
        yield error(place, "missing", "is missing, while uns says that it is one section.")
    if is_single is None and "spatial" in embeddings:
        message = 'must not be there where uns["spatial"]["is_single"] is not.'
        yield error(place, "unexpected", message)


def _check_key(key: str) -> Iterator[Finding]:
    place = column(key, table="obsm")
    if key.lower() == "x_spatial":
        yield error(place, "key", "must be called spatial.")
    elif not _is_spatial(key) and not KEY.match(key.removeprefix("X_")):
        message = "is no key: after X_ it must begin with a letter, and hold letters, digits, _.-"
        yield error(place, "key", message)
    if _is_other(key):
        message = "begins not with 'X_', and will not be shown in Explorer."
        yield warning(place, "not-shown", message)


def _check_array(deposit: SchemaDeposit, key: str, array: StoredArray) -> Iterator[Finding]:
    place = column(key, table="obsm")
    if array.shape is None:
        yield error(place, "type", "must be a plain array.")
        return
    if len(array.shape) < 2:
        yield error(place, "shape", f"must have two dimensions, not the shape {array.shape}.")
    else:
        if array.shape[0] != len(deposit.obs):
            message = f"has {array.shape[0]} rows for {len(deposit.obs)} cells."
            yield error(place, "rows", message)
        needed = 1 if _is_other(key) else 2
        if array.shape[1] < needed:
            yield error(place, "columns", f"must have {needed} columns, not {array.shape[1]}.")
    yield from _check_values(deposit, key, array)


def _check_values(deposit: SchemaDeposit, key: str, array: StoredArray) -> Iterator[Finding]:
    place, report = column(key, table="obsm"), warning if _is_other(key) else error
    if array.kind not in "iuf":
        yield report(place, "values", "must hold numbers.")
        return
    n_infinite, n_missing, size = _tally(deposit, array)
    if n_infinite:
        yield report(place, "infinite", f"holds {n_infinite} infinite values.", count=n_infinite)
    if n_missing and _is_spatial(key):
        yield report(place, "nan", f"holds {n_missing} values that are NaN.", count=n_missing)
    elif n_missing == size:
        yield report(place, "nan", "holds nothing but NaN.", count=n_missing)


def _tally(deposit: SchemaDeposit, array: StoredArray) -> tuple[int, int, int]:
    """Count infinite values, NaN and all values, reading some rows at a time."""
    shape = array.shape or (0,)
    size = int(np.prod(shape))
    step = max(BLOCK * shape[0] // max(size, 1), 1)
    n_infinite = n_missing = 0
    with open_elements(deposit.path) as file:
        for start in range(0, shape[0] if array.kind == "f" else 0, step):
            values = file[array.element][start : start + step]
            n_infinite += int(np.isinf(values).sum())
            n_missing += int(np.isnan(values).sum())
    return n_infinite, n_missing, size


def _is_spatial(key: str) -> bool:
    return key.lower() == "spatial"


def _is_other(key: str) -> bool:
    return not key.startswith("X_") and not _is_spatial(key)
