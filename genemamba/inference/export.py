"""One AnnData of a whole atlas version: counts, labels, embedding and where they came from."""

from collections.abc import Mapping
from pathlib import Path

import anndata as ad

from genemamba import keys
from genemamba.atlas.codecs import explicit_defaults
from genemamba.atlas.view import AtlasView
from genemamba.errors import SchemaError
from genemamba.provenance import Json
from genemamba.publishing import storage_errors
from genemamba.storage import zarr_store


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
        Target, ``.h5ad`` or ``.zarr``; complete or not there.
    provenance
        What made it; kept in ``uns["genemamba"]``.

    Raises
    ------
    SchemaError
        The target has another ending.
    StorageError
        The target cannot be written.
    """
    if out.suffix not in (".h5ad", ".zarr"):
        raise SchemaError(
            expected="a target that ends in .h5ad or .zarr",
            found=str(out),
            remedy="Name the format by the ending.",
        )
    obs = view.obs.join(annotation.obs[[keys.CELL_TYPE_PRED, keys.CELL_TYPE_PRED_CONFIDENCE]])
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
