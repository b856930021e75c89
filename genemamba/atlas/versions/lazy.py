"""An atlas version as one AnnData whose counts stay where they are until they are needed."""

from typing import Any

import anndata as ad
import dask.array as da
import numpy as np
from scipy.sparse import csr_matrix

from genemamba import keys
from genemamba.atlas.versions.blocks import BLOCK_N_OBS, CellBlock, cut_version, no_counts
from genemamba.atlas.versions.joining import AtlasTables, GeneJoin
from genemamba.atlas.versions.manifests import AtlasManifest


def open_atlas(
    manifest: AtlasManifest, *, join: GeneJoin = "outer", block_n_obs: int = BLOCK_N_OBS
) -> ad.AnnData:
    """Open an atlas version over all its stores in one gene space; only tables are read.

    Parameters
    ----------
    manifest
        The version, from `genemamba.atlas.versions.manifests.read_manifest`.
    join
        ``"outer"``: genes that any store measured, zero in the cells of the others;
        ``"inner"``: genes that all measured.
    block_n_obs
        Cells a block of the array has, at most.

    Returns
    -------
    AnnData with ``X`` a dask array of CSR blocks, float32; ``obs`` without the cells that the
    version leaves out; `keys.MEASURED_IN` in ``var``, and the stores that measured each gene in
    ``varm["measured"]``, bool, columns in the order of ``uns["genemamba"]["stores"]``.

    Raises
    ------
    StoreError
        A store is missing, incomplete, or not of the size that the manifest says; or the
        manifest lists none.
    """
    tables = AtlasTables.read(manifest, join=join)
    blocks = list(
        cut_version(manifest, tables.variables, list(tables.var.index), block_n_obs=block_n_obs)
    )
    var = tables.var.assign(**{keys.MEASURED_IN: tables.measured.sum(axis=0)})
    return ad.AnnData(
        X=_stack(blocks, n_vars=len(var)),
        obs=tables.obs,
        var=var,
        varm={keys.MEASURED: tables.measured.T.copy()},
        uns={
            keys.UNS: {
                "atlas": manifest.atlas,
                "manifest": manifest.digest,
                "stores": [entry.name for entry in manifest.stores],
            }
        },
    )


def _stack(blocks: list[CellBlock], *, n_vars: int) -> Any:  # noqa: ANN401
    if not blocks:
        return no_counts(n_vars)
    return da.map_blocks(
        _read_block,
        chunks=(tuple(block.n_obs for block in blocks), (n_vars,)),
        dtype=np.float32,
        meta=no_counts(0),
        blocks=blocks,
    )


def _read_block(*, blocks: list[CellBlock], block_id: tuple[int, int] | None = None) -> csr_matrix:
    if block_id is None:  # dask asks what comes back
        return no_counts(0)
    return blocks[block_id[0]].read()
