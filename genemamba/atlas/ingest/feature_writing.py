"""Counts of features that are no genes, written into ``obsm`` of a store."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import zarr
from anndata.io import write_elem

from genemamba import keys
from genemamba.atlas.cells.table_writing import COMPRESSORS
from genemamba.atlas.codecs import explicit_defaults
from genemamba.atlas.genes.column_map import project_columns
from genemamba.atlas.genes.feature_types import FeatureSet
from genemamba.atlas.ingest.survey import Survey
from genemamba.atlas.sources.counts import CountsReader
from genemamba.atlas.sparse import row_blocks
from genemamba.errors import StoreError
from genemamba.storage import open_zarr_group

VALUES_PER_CHUNK: Final = 256 * 1024
"""Values a chunk."""

ARRAYS: Final = {"data": "<f8", "indices": "<i4", "indptr": "<i8"}
"""Arrays of a sparse matrix, and their types."""


def write_features(
    url: str,
    sets: Sequence[FeatureSet],
    *,
    reader: CountsReader,
    survey: Survey,
    block_nnz: int,
) -> None:
    """Write one sparse matrix for each set of features, and their names into ``uns``.

    Parameters
    ----------
    url
        The store, whose ``obsm`` and ``uns`` are there.
    sets
        What to write.
    reader
        Reads the deposit.
    survey
        Which cells are kept.
    block_nnz
        Stored values that are read at a time.

    Raises
    ------
    StoreError
        What was written does not add up to what was read.
    """
    if not sets:
        return
    with explicit_defaults():
        root = open_zarr_group(url, mode="r+")
        names = {features.key: np.asarray(features.names, dtype=object) for features in sets}
        write_elem(root[f"uns/{keys.UNS}"], "features", names)
        groups = [
            _create(root["obsm"], features.key, (survey.n_obs, len(features.names)))
            for features in sets
        ]
        sums = np.zeros(len(sets))
        rows, pointers = survey.columns()["row"], survey.columns()["indptr"]
        for start, stop in row_blocks(pointers, max_nnz=block_nnz):
            wanted = rows.read(start, stop)
            counts = reader.read(int(wanted[0]), int(wanted[-1]) + 1).counts[wanted - wanted[0]]
            for number, (features, group) in enumerate(zip(sets, groups, strict=True)):
                columns = np.full(counts.shape[1], -1, dtype=np.int32)
                columns[features.columns] = np.arange(len(features.columns))
                part = project_columns(counts, columns, n_vars=len(features.columns))
                sums[number] += part.data.sum(dtype=np.float64)
                _append(group, part)
        for group, total in zip(groups, sums, strict=True):
            _check(group, total)


def _create(parent: Any, key: str, shape: tuple[int, int]) -> zarr.Group:  # noqa: ANN401
    group: zarr.Group = parent.create_group(key)
    group.attrs.update(
        {"encoding-type": "csr_matrix", "encoding-version": "0.1.0", "shape": list(shape)}
    )
    for name, dtype in ARRAYS.items():
        array = group.create_array(
            name,
            shape=(int(name == "indptr"),),
            dtype=dtype,
            chunks=(VALUES_PER_CHUNK,),
            compressors=list(COMPRESSORS),
        )
        array[:] = 0
    return group


def _append(group: Any, part: Any) -> None:  # noqa: ANN401  # zarr and scipy
    before = group["data"].shape[0]
    group["data"].append(part.data.astype("<f8"))
    group["indices"].append(part.indices.astype("<i4"))
    group["indptr"].append(before + part.indptr[1:].astype("<i8"))


def _check(group: Any, total: float) -> None:  # noqa: ANN401  # zarr
    n_values = group["data"].shape[0]
    found = sum(
        float(group["data"][low : low + VALUES_PER_CHUNK].sum(dtype=np.float64))
        for low in range(0, n_values, VALUES_PER_CHUNK)
    )
    if found != total:
        msg = f"Expected {group.name} to add up to {total:.0f}, found {found:.0f}."
        raise StoreError(msg)
