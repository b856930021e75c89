"""Which format a deposit is of, told from its name and, where that leaves it open, its header."""

from dataclasses import replace
from pathlib import Path
from typing import Final

from genemamba.atlas.sources.anndata_files import AnnDataSource
from genemamba.atlas.sources.delimited import DELIMITERS, DelimitedSource
from genemamba.atlas.sources.elements import open_elements
from genemamba.atlas.sources.loom import LoomSource
from genemamba.atlas.sources.tenx_h5 import TenxH5Source, matrix_groups
from genemamba.atlas.sources.tenx_matrix import TENX_H5
from genemamba.atlas.sources.tenx_mtx import TenxMtxSource
from genemamba.errors import SourceError
from genemamba.members import MATRIX_NAME, matrix_names

Source = AnnDataSource | DelimitedSource | LoomSource | TenxH5Source | TenxMtxSource
"""A deposit of any format."""

NAMES: Final = ".h5ad, .h5, .zarr, .loom, .mtx, .csv or .tsv, or a folder with matrix.mtx"
"""What deposits are called."""


def recognise_format(path: Path, *, layer: str | None = None) -> Source:
    """Return the reader for a deposit that exists.

    Parameters
    ----------
    path
        Local file or folder.
    layer
        The only matrix to look at for counts: a layer, or ``X`` or ``raw`` of an AnnData file.

    Raises
    ------
    SourceError
        It is of a format that nothing here reads, or of one that has no layers.
    """
    source = _recognise(path)
    if layer is None:
        return source
    if isinstance(source, AnnDataSource | LoomSource):
        return replace(source, layer=layer)
    raise SourceError(
        expected=f"a format with layers, to read {layer!r} from",
        found=f"{path.name}, which is of another",
        remedy="Leave the layer out, or write the deposit in a format that has layers.",
        rule="layer-unsupported",
    )


def _recognise(path: Path) -> Source:
    name = path.name.lower()
    if path.is_dir():
        return _recognise_folder(path)
    if name.removesuffix(".gz").endswith(tuple(DELIMITERS)):
        return DelimitedSource(path=path)
    if name.endswith(".h5ad"):
        return AnnDataSource(path=path)
    if name.endswith((".h5", ".hdf5")):
        return _recognise_hdf5(path)
    if name.endswith(".loom"):
        return LoomSource(path=path)
    if MATRIX_NAME.fullmatch(name):
        return TenxMtxSource(path=path)
    raise _unknown(path.name)


def _recognise_folder(path: Path) -> Source:
    if path.suffix.lower() == ".zarr" or any(
        (path / mark).exists() for mark in ("zarr.json", ".zgroup")
    ):
        return AnnDataSource(path=path)
    names = [entry.name for entry in path.iterdir()]
    if matrix_names(names):
        return TenxMtxSource(path=path)
    msg = f"a folder {path.name} with {', '.join(sorted(names)[:5]) or 'nothing in it'}"
    raise _unknown(msg)


def _recognise_hdf5(path: Path) -> Source:
    with open_elements(path, kind=TENX_H5) as file:
        is_anndata = "obs" in file and "var" in file and not matrix_groups(file)
    return AnnDataSource(path=path) if is_anndata else TenxH5Source(path=path)


def _unknown(found: str) -> SourceError:
    return SourceError(
        expected=f"a deposit named {NAMES}",
        found=found,
        remedy="Convert it, for instance with adata.write_h5ad, or name the folder that holds it.",
    )
