"""One AnnData of a whole atlas version: counts, labels, embedding and where they came from."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import anndata as ad
import numpy as np

from genemamba import keys
from genemamba.atlas.versions.anndata_writing import check_target, write_cells
from genemamba.atlas.versions.view import AtlasView
from genemamba.provenance import Json

PREDICTED: Final = (keys.CELL_TYPE_PRED, keys.CELL_TYPE_PRED_CONFIDENCE)
"""Columns of an annotation that join those of the atlas."""


def export_annotation(
    view: AtlasView, annotation: ad.AnnData, out: Path, *, provenance: Mapping[str, Json]
) -> dict[str, Json]:
    """Write counts, annotation and provenance as one file that scanpy opens.

    Parameters
    ----------
    view
        The atlas version; its counts are read in blocks.
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
    check_target(out)
    # A deposit that is an export itself has columns of these names; its own are older.
    predicted = annotation.obs.loc[view.obs.index]
    obs = view.obs.assign(**{name: predicted[name] for name in PREDICTED})
    return write_cells(
        out,
        obs=obs,
        var=view.var,
        counts=(block.read() for block in view.blocks()),
        provenance=provenance,
        obsm={keys.X_GENEMAMBA: np.asarray(annotation[obs.index].obsm[keys.X_GENEMAMBA])},
    )
