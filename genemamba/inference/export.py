"""One AnnData of a whole atlas version: counts, labels, embedding and where they came from."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import anndata as ad
import numpy as np

from genemamba import keys
from genemamba.atlas.versions.anndata_writing import check_target, write_cells
from genemamba.atlas.versions.view import AtlasView
from genemamba.inference.atlas import LABELLING
from genemamba.provenance import Json

PREDICTED: Final = (
    keys.CELL_TYPE_PRED,
    keys.CELL_TYPE_PRED_CONFIDENCE,
    keys.CELL_TYPE_PRED_REASON,
    *keys.TERM_COLUMNS,
)
"""Columns of an annotation that join those of the atlas."""

ARRAYS: Final = (keys.X_GENEMAMBA, keys.CELL_TYPE_PROBABILITIES)
"""Arrays of an annotation that come along."""


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
    annotation = annotation[view.obs.index]
    columns = {name: annotation.obs[name] for name in PREDICTED if name in annotation.obs}
    about = annotation.uns.get(keys.UNS, {}).get(LABELLING, {})
    return write_cells(
        out,
        obs=view.obs.assign(**columns),
        var=view.var,
        counts=(block.read() for block in view.blocks()),
        provenance={**provenance, LABELLING: about} if about else provenance,
        obsm={
            name: np.asarray(annotation.obsm[name]) for name in ARRAYS if name in annotation.obsm
        },
    )
