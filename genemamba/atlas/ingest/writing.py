"""The serial half of pass 2: a store is allocated at its final size, and at the end committed."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
import zarr
from anndata.io import write_elem

from genemamba import keys
from genemamba.atlas.cells.files import CellColumn
from genemamba.atlas.cells.hashing import hex_digits
from genemamba.atlas.cells.schema import CELLS_AT_ONCE, CellSchema
from genemamba.atlas.cells.table_writing import COMPRESSORS, write_table
from genemamba.atlas.codecs import explicit_defaults
from genemamba.atlas.geometry import ShardGrid
from genemamba.atlas.ingest.cell_quality import CellQuality
from genemamba.atlas.ingest.shard_bytes import array_options
from genemamba.atlas.ingest.shards import shard_paths
from genemamba.atlas.ingest.survey import Survey
from genemamba.atlas.sources.cell_elements import iterate_blocks
from genemamba.atlas.sources.cell_table import CellTable
from genemamba.storage import open_zarr_group, remove_all_but, split_url

POINTERS_PER_CHUNK: Final = 65_536
"""Row pointers a chunk, 512 kB."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StoreTables:
    """All of a store but its counts."""

    cells: CellTable
    """Cells of the deposit."""
    schema: CellSchema
    """How the store names and labels them."""
    var: pd.DataFrame
    """Genes."""
    quality: CellQuality
    """How well its cells were measured."""
    provenance: dict[str, str | int]
    """Deposit, options, gene reference and code, for ``uns``."""

    def blocks(self, survey: Survey) -> Iterator[pd.DataFrame]:
        """Yield the cells of the store, `CELLS_AT_ONCE` at a time."""
        columns = survey.columns()
        for start, stop in iterate_blocks(survey.n_obs, size=CELLS_AT_ONCE):
            obs = self.schema.apply(read_kept(self.cells, columns["row"], start, stop))
            hashes = hex_digits(columns["hash"].read(start, stop)).astype(str)
            quality = self.quality.columns(start, stop)
            yield obs.assign(**quality, **{keys.CONTENT_HASH: hashes.astype(object)})


def read_kept(cells: CellTable, rows: CellColumn, start: int, stop: int) -> pd.DataFrame:
    """Return, as deposited, the cells that have the places ``start`` to ``stop`` in the store.

    Parameters
    ----------
    cells
        Cells of the deposit.
    rows
        Row in the deposit of each cell of the store, ascending.
    start, stop
        First cell, and one past the last.
    """
    wanted = rows.read(start, stop)
    first, last = int(wanted[0]), int(wanted[-1]) + 1
    return cells.rows(first, last).iloc[wanted - first]


def allocate_store(url: str, tables: StoreTables, survey: Survey, grid: ShardGrid) -> None:
    """Write all of a store but its values and indices, which get their final size.

    Their shards may be written before, meanwhile or afterwards.

    Parameters
    ----------
    url
        Where to write.
    tables
        Cells, genes and provenance.
    survey
        What pass 1 found.
    grid
        Cut of values and indices.
    """
    shape = [survey.n_obs, len(tables.var)]
    with explicit_defaults():
        root = open_zarr_group(url, mode="a")
        root.attrs.update({"encoding-type": "anndata", "encoding-version": "0.1.0"})
        write_table(root, "obs", tables.blocks(survey), n_obs=survey.n_obs)
        options = {"compressors": list(COMPRESSORS)}
        write_elem(root, "var", tables.var, dataset_kwargs=options)
        write_elem(root, "uns", {keys.UNS: tables.provenance})
        for name in ("layers", "obsm", "obsp", "varm", "varp"):
            write_elem(root, name, {})
        matrix = root.require_group("X")
        matrix.attrs.update(
            {"encoding-type": "csr_matrix", "encoding-version": "0.1.0", "shape": shape}
        )
        _create(matrix, "data", survey.dtype, grid)
        _create(matrix, "indices", np.dtype(np.int32), grid)
        _write_pointers(matrix, survey)


def clear_all_but_shards(url: str, grid: ShardGrid) -> None:
    """Remove what a killed attempt left, its half-written metadata among it, but its shards.

    Parameters
    ----------
    url
        Where the store is to be.
    grid
        Cut of values and indices.
    """
    root, numbers = split_url(url)[1], range(len(grid.ranges()))
    remove_all_but(url, {path for number in numbers for path in shard_paths(root, number).values()})


def commit_store(url: str) -> None:
    """Consolidate the metadata, which marks the store as complete for every reader."""
    with explicit_defaults():
        zarr.consolidate_metadata(open_zarr_group(url, mode="r+").store)


def _write_pointers(matrix: zarr.Group, survey: Survey) -> None:
    size = survey.n_obs + 1
    chunk = min(POINTERS_PER_CHUNK, size)
    _create(matrix, "indptr", np.dtype(np.int64), ShardGrid(size=size, chunk=chunk, shard=chunk))
    pointers: Any = matrix["indptr"]
    column = survey.columns()["indptr"]
    for start, stop in iterate_blocks(size, size=chunk):
        pointers[start:stop] = column.read(start, stop)


def _create(group: zarr.Group, name: str, dtype: np.dtype, grid: ShardGrid) -> None:
    # The metadata alone is written: the shards may be there already.
    group.create_array(name, dtype=dtype, overwrite=False, **array_options(grid))
