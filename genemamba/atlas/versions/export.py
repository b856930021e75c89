"""An atlas version as one file of its own: the cells it has, and where they came from."""

from collections.abc import Iterator
from pathlib import Path

from scipy.sparse import csr_matrix

from genemamba import keys
from genemamba.atlas.versions.anndata_writing import check_target, write_cells
from genemamba.atlas.versions.blocks import cut_version
from genemamba.atlas.versions.joining import AtlasTables, GeneJoin
from genemamba.atlas.versions.manifests import AtlasManifest
from genemamba.provenance import Json
from genemamba.storage import Progress


def export_version(
    manifest: AtlasManifest,
    out: Path,
    *,
    label: str,
    join: GeneJoin = "outer",
    progress: Progress | None = None,
) -> dict[str, Json]:
    """Write the cells of an atlas version, one block of counts in memory at a time.

    Parameters
    ----------
    manifest
        The version.
    out
        Target, ``.h5ad`` or ``.zarr``, at which nothing is yet; complete or not there.
    label
        What the version is called, such as ``lung@3``; kept in ``uns``.
    join
        Genes that any store measured, or only those that all did.
    progress
        Called with blocks written and blocks in all.

    Returns
    -------
    ``out``, ``n_obs`` and ``n_vars``.

    Raises
    ------
    InputError
        The target has another ending, is there already, or lies in no folder.
    StorageError
        The target cannot be written.
    StoreError
        A store is missing, incomplete, or not of the size that the manifest says.
    """
    check_target(out)
    tables = AtlasTables.read(manifest, join=join)
    blocks = list(cut_version(manifest, tables.variables, list(tables.var.index)))

    def counts() -> Iterator[csr_matrix]:
        for done, block in enumerate(blocks, start=1):
            yield block.read()
            if progress:
                progress(done, len(blocks))

    return write_cells(
        out,
        obs=tables.obs,
        var=tables.var.assign(**{keys.MEASURED_IN: tables.measured.sum(axis=0)}),
        counts=counts(),
        provenance={
            "atlas": label,
            "manifest": manifest.digest,
            "stores": [entry.name for entry in manifest.stores],
        },
        varm={keys.MEASURED: tables.measured.T.copy()},
    )
