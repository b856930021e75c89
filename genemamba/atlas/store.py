"""Reading a store: the one place that knows when it is complete."""

import json
from typing import Any

import numpy as np
import pandas as pd
import zarr
from anndata.io import read_elem
from scipy.sparse import csr_matrix

from genemamba import keys
from genemamba.atlas.kernels import is_canonical
from genemamba.errors import StoreError
from genemamba.provenance import Json
from genemamba.storage import open_zarr_group


def open_store(url: str) -> zarr.Group:
    """Open a store that was written to the end.

    Consolidated metadata is written last, so it marks a complete store.

    Parameters
    ----------
    url
        Local path, or any URL that fsspec knows.

    Raises
    ------
    StoreError
        There is no store, or its writing was cut off.
    """
    try:
        group = open_zarr_group(url, mode="r")
    except FileNotFoundError as error:
        msg = f"Expected a store at {url}, found nothing. Ingest the deposit again."
        raise StoreError(msg) from error
    if group.metadata.consolidated_metadata is None:
        msg = (
            f"Expected a complete store at {url}, found one whose writing was cut off"
            " (no consolidated metadata). Ingest the deposit again."
        )
        raise StoreError(msg)
    return group


def read_obs(url: str) -> pd.DataFrame:
    """Read the cells of a store, index = deposited names.

    Raises
    ------
    StoreError
        As for `open_store`.
    """
    return _table(open_store(url), "obs")


def read_var(url: str) -> pd.DataFrame:
    """Read the genes of a store, index = Ensembl id or the deposit's name.

    Raises
    ------
    StoreError
        As for `open_store`.
    """
    return _table(open_store(url), "var")


def read_counts(url: str, *, start: int = 0, stop: int | None = None) -> csr_matrix:
    """Read the counts of consecutive cells, shape ``(stop - start, n_vars)``.

    Parameters
    ----------
    url
        Where the store lies.
    start, stop
        First cell, and one past the last; all of them by default.

    Raises
    ------
    StoreError
        As for `open_store`.
    """
    return read_rows(open_store(url), start=start, stop=stop)


def read_provenance(url: str) -> dict[str, Json]:
    """Read which deposit, options, genes and code a store was made from.

    Raises
    ------
    StoreError
        As for `open_store`.
    """
    recorded: dict[str, Any] = read_elem(open_store(url)[f"uns/{keys.UNS}"])
    return recorded | {"options": json.loads(recorded["options"])}


def read_rows(group: zarr.Group, *, start: int = 0, stop: int | None = None) -> csr_matrix:
    """Read the counts of consecutive cells of an open group, complete or not.

    Parameters
    ----------
    group
        Root of a store.
    start, stop
        First cell, and one past the last; all of them by default.

    Raises
    ------
    StoreError
        A shard is missing.
    """
    matrix: Any = group["X"]
    n_obs, n_vars = matrix.attrs["shape"]
    stop = n_obs if stop is None else stop
    indptr = np.asarray(matrix["indptr"][start : stop + 1])
    low, high = int(indptr[0]), int(indptr[-1])
    parts = matrix["data"][low:high], matrix["indices"][low:high], indptr - low
    counts = csr_matrix(parts, shape=(stop - start, n_vars))
    if not is_canonical(counts.indptr, counts.indices, counts.data):
        # Zarr takes a missing shard for zeros: no count, and one gene again and again.
        msg = f"Expected the counts of {group.store} as written, found zeros: a shard is missing."
        raise StoreError(msg)
    return counts


def _table(group: zarr.Group, name: str) -> pd.DataFrame:
    table: pd.DataFrame = read_elem(group[name])
    return table
