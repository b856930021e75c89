"""The serial half of pass 2: a store is allocated at its final size, and at the end committed."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
import zarr
from anndata.io import write_elem
from zarr.codecs import BloscCodec, BytesCodec

from genemamba import keys
from genemamba.atlas.codecs import explicit_defaults
from genemamba.atlas.geometry import ShardGrid
from genemamba.atlas.survey import Survey
from genemamba.storage import open_zarr_group

POINTERS_PER_CHUNK: Final = 65_536
"""Row pointers a chunk, 512 kB."""

CHUNKS_PER_SHARD: Final = 64
"""Chunks of row pointers a shard."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StoreTables:
    """All of a store but its counts."""

    obs: pd.DataFrame
    """Cells."""
    var: pd.DataFrame
    """Genes."""
    provenance: dict[str, str | int]
    """Deposit, options, gene reference and code, for ``uns``."""


def allocate_store(url: str, tables: StoreTables, survey: Survey, grid: ShardGrid) -> None:
    """Write all of a store but its values and indices, which get their final size.

    Parameters
    ----------
    url
        Empty place.
    tables
        Cells, genes and provenance.
    survey
        What pass 1 found.
    grid
        Cut of values and indices.
    """
    shape = [len(tables.obs), len(tables.var)]
    with explicit_defaults():
        root = open_zarr_group(url, mode="w")
        root.attrs.update({"encoding-type": "anndata", "encoding-version": "0.1.0"})
        write_elem(root, "obs", tables.obs)
        write_elem(root, "var", tables.var)
        write_elem(root, "uns", {keys.UNS: tables.provenance})
        for name in ("layers", "obsm", "obsp", "varm", "varp"):
            write_elem(root, name, {})
        matrix = root.create_group("X")
        matrix.attrs.update(
            {"encoding-type": "csr_matrix", "encoding-version": "0.1.0", "shape": shape}
        )
        _create(matrix, "data", survey.dtype, grid)
        _create(matrix, "indices", np.dtype(np.int32), grid)
        pointers = _create(matrix, "indptr", np.dtype(np.int64), _cut_pointers(shape[0] + 1))
        pointers[:] = survey.indptr


def commit_store(url: str) -> None:
    """Consolidate the metadata, which marks the store as complete for every reader."""
    with explicit_defaults():
        zarr.consolidate_metadata(open_zarr_group(url, mode="r+").store)


def _create(group: zarr.Group, name: str, dtype: np.dtype, grid: ShardGrid) -> Any:  # noqa: ANN401
    # Counts and gene numbers have few bits in use: shuffled bits shrink by half under zstd.
    return group.create_array(
        name,
        shape=(grid.size,),
        dtype=dtype,
        chunks=(grid.chunk,),
        shards=(grid.shard,),
        compressors=[BloscCodec(cname="zstd", clevel=3, shuffle="bitshuffle")],
        filters=None,
        serializer=BytesCodec(endian="little"),
        fill_value=0,
    )


def _cut_pointers(size: int) -> ShardGrid:
    chunk = min(POINTERS_PER_CHUNK, size)
    shard = chunk * min(CHUNKS_PER_SHARD, -(-size // chunk))
    return ShardGrid(size=size, chunk=chunk, shard=shard)
