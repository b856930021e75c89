"""The table of cells of a store, written in blocks in AnnData's on-disk format."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
import zarr
from anndata.io import write_elem
from zarr.codecs import BloscCodec, Crc32cCodec

INDEX: Final = "_index"
"""Name under which AnnData keeps the names of the cells."""

CELLS_PER_CHUNK: Final = 65_536
"""Cells whose values one chunk of a column holds."""

COMPRESSORS: Final = (BloscCodec(cname="zstd", clevel=3, shuffle="shuffle"), Crc32cCodec())
"""With a checksum behind: a flipped bit is an error, not another value."""


def write_table(
    group: zarr.Group, name: str, blocks: Iterator[pd.DataFrame], *, n_obs: int
) -> None:
    """Write a table that comes in blocks of `CELLS_PER_CHUNK` rows, the last one possibly shorter.

    Parameters
    ----------
    group
        Root of the store.
    name
        Name of the table.
    blocks
        Consecutive rows with equal columns of equal types; categorical columns have all of their
        categories in every block.
    n_obs
        Rows in all.
    """
    table = group.create_group(name)
    start = 0
    for block in blocks:
        if start == 0:
            columns = [str(column) for column in block.columns]
            _mark(table, "dataframe", "0.2.0", {"_index": INDEX, "column-order": columns})
            _create(table, INDEX, block.index.to_series().astype(object), n_obs)
            for column in block.columns:
                _create(table, str(column), block[column], n_obs)
        here = slice(start, start + len(block))
        _fill(table[INDEX], block.index.to_series().astype(object), here)
        for column in block.columns:
            _fill(table[str(column)], block[column], here)
        start += len(block)


def _create(group: zarr.Group, name: str, column: pd.Series, n_obs: int) -> None:
    """Create the arrays of a column at their final size."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        node = group.create_group(name)
        _mark(node, "categorical", "0.2.0", {"ordered": bool(column.cat.ordered)})
        write_elem(node, "categories", column.cat.categories.to_numpy())
        _array(node, "codes", np.dtype(str(column.cat.codes.dtype)), n_obs)
        return
    dtype: Any = column.dtype
    if isinstance(dtype, np.dtype) and dtype.kind in "biuf":
        _array(group, name, dtype, n_obs)
        return
    if dtype.kind in "biu":
        node = group.create_group(name)
        kind = "boolean" if dtype.kind == "b" else "integer"
        _mark(node, f"nullable-{kind}", "0.1.0", {})
        _array(node, "values", dtype.numpy_dtype, n_obs)
        _array(node, "mask", np.dtype(bool), n_obs)
        return
    _mark(_zarr_array(group, name, str, n_obs), "string-array", "0.2.0", {})


def _fill(node: Any, column: pd.Series, here: slice) -> None:  # noqa: ANN401  # group or array
    """Write a block of a column into its place."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        node["codes"][here] = column.cat.codes.to_numpy()
    elif isinstance(node, zarr.Group):
        values: Any = node["values"]
        mask: Any = node["mask"]
        values[here] = column.to_numpy(dtype=values.dtype, na_value=values.dtype.type(0))
        mask[here] = column.isna().to_numpy()
    else:
        node[here] = column.to_numpy()


def _array(group: zarr.Group, name: str, dtype: np.dtype, n_obs: int) -> None:
    _mark(_zarr_array(group, name, dtype, n_obs), "array", "0.2.0", {})


def _zarr_array(group: zarr.Group, name: str, dtype: Any, n_obs: int) -> Any:  # noqa: ANN401
    return group.create_array(
        name,
        shape=(n_obs,),
        dtype=dtype,
        chunks=(min(n_obs, CELLS_PER_CHUNK),),
        compressors=list(COMPRESSORS),
    )


def _mark(node: Any, kind: str, version: str, attributes: Mapping[str, Any]) -> None:  # noqa: ANN401
    node.attrs.update({"encoding-type": kind, "encoding-version": version, **attributes})
