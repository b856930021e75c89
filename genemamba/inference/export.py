"""One AnnData of a whole atlas version: counts, labels, embedding and where they came from."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import anndata as ad

from genemamba import keys
from genemamba.atlas.codecs import explicit_defaults
from genemamba.atlas.view import AtlasView
from genemamba.errors import InputError
from genemamba.provenance import Json
from genemamba.publishing import storage_errors
from genemamba.storage import zarr_store

PREDICTED: Final = (keys.CELL_TYPE_PRED, keys.CELL_TYPE_PRED_CONFIDENCE)
"""Columns of an annotation that join those of the atlas."""


def export_annotation(
    view: AtlasView, annotation: ad.AnnData, out: Path, *, provenance: Mapping[str, Json]
) -> dict[str, Json]:
    """Write counts, annotation and provenance as one file that scanpy opens.

    Parameters
    ----------
    view
        The atlas version; its counts are read into memory.
    annotation
        From `genemamba.inference.atlas.annotate_atlas`, of the same cells.
    out
        Target, ``.h5ad`` or ``.zarr``, at which nothing is yet; complete or not there.
    provenance
        What made it; kept in ``uns["genemamba"]``.

    Raises
    ------
    InputError
        The target has another ending, is there already, or lies in no folder.
    StorageError
        The target cannot be written.
    """
    _check_target(out)
    # A deposit that is an export itself has columns of these names; its own are older.
    predicted = annotation.obs.loc[view.obs.index]
    obs = view.obs.assign(**{name: predicted[name] for name in PREDICTED})
    embedding = annotation[obs.index].obsm[keys.X_GENEMAMBA]
    adata = ad.AnnData(X=view.counts(), obs=obs, var=view.var, obsm={keys.X_GENEMAMBA: embedding})
    adata.uns[keys.UNS] = dict(provenance)
    partial = out.with_name(f".{out.name}.partial")
    with storage_errors(str(out)):
        if out.suffix == ".h5ad":
            adata.write_h5ad(partial, compression="gzip")
        else:
            with explicit_defaults():
                adata.write_zarr(zarr_store(str(partial), mode="w"))
        partial.rename(out)
    return {"out": str(out), "n_obs": adata.n_obs, "n_vars": adata.n_vars}


def _check_target(out: Path) -> None:
    if out.suffix not in (".h5ad", ".zarr"):
        raise InputError(
            expected="a target that ends in .h5ad or .zarr",
            found=str(out),
            remedy="Name the format by the ending.",
        )
    if out.exists():
        raise InputError(
            expected="a target that is not there yet",
            found=f"something at {out}",
            remedy="Remove it, or choose another name.",
        )
    if not out.parent.is_dir():
        raise InputError(
            expected="a target in a folder of this machine",
            found=f"no folder {out.parent}",
            remedy="Make the folder first.",
        )
