"""Writing cells as one AnnData file, block by block, so that any number of them fits in memory."""

import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np
import pandas as pd
from anndata.io import write_elem
from scipy.sparse import csr_matrix

from genemamba import keys
from genemamba.atlas.codecs import explicit_defaults
from genemamba.errors import InputError
from genemamba.provenance import Json
from genemamba.publishing import storage_errors
from genemamba.storage import open_zarr_group

VALUES_PER_CHUNK: Final = 1024 * 1024
"""Values and indices a chunk: 4 MB each, so that a Zarr has 1,000 files for 1e9 counts."""


def write_cells(
    out: Path,
    *,
    obs: pd.DataFrame,
    var: pd.DataFrame,
    counts: Iterable[csr_matrix],
    provenance: Mapping[str, Json],
    obsm: Mapping[str, np.ndarray] | None = None,
    varm: Mapping[str, np.ndarray] | None = None,
) -> dict[str, Json]:
    """Write one AnnData file; it is whole, or not there.

    Parameters
    ----------
    out
        Target, ``.h5ad`` or ``.zarr``, at which nothing is yet.
    obs, var
        Cells and genes.
    counts
        Consecutive cells, float32, shape ``(any, len(var))``; all of ``obs`` together.
    provenance
        What made it, kept in ``uns["genemamba"]``.
    obsm, varm
        Arrays beside the cells and genes.

    Returns
    -------
    ``out``, ``n_obs`` and ``n_vars``.

    Raises
    ------
    InputError
        The target has another ending, is there already, or lies in no folder.
    StorageError
        The target cannot be written.
    """
    check_target(out)
    partial = out.with_name(f".{out.name}.partial")
    with storage_errors(str(out)), explicit_defaults(), _removed_at_end(partial):
        with _new_root(partial, is_hdf5=out.suffix == ".h5ad") as root:
            root.attrs.update({"encoding-type": "anndata", "encoding-version": "0.1.0"})
            write_elem(root, "obs", obs)
            write_elem(root, "var", var)
            write_elem(root, "uns", {keys.UNS: dict(provenance)})
            tables = {"obsm": obsm, "varm": varm, "obsp": None, "varp": None, "layers": None}
            for name, arrays in tables.items():
                write_elem(root, name, dict(arrays or {}))
            _write_counts(root, counts, shape=(len(obs), len(var)))
        partial.rename(out)
    return {"out": str(out), "n_obs": len(obs), "n_vars": len(var)}


def check_target(out: Path) -> None:
    """Refuse a target before any work is done for it.

    Raises
    ------
    InputError
        The target has another ending, is there already, or lies in no folder.
    """
    if out.suffix not in (".h5ad", ".zarr"):
        raise InputError(
            expected="a target that ends in .h5ad or .zarr",
            found=str(out),
            remedy="Name the format by the ending.",
            rule="target-format",
        )
    if out.exists():
        raise InputError(
            expected="a target that is not there yet",
            found=f"something at {out}",
            remedy="Remove it, or choose another name.",
            rule="target-exists",
        )
    if not out.parent.is_dir():
        raise InputError(
            expected="a target in a folder of this machine",
            found=f"no folder {out.parent}",
            remedy="Make the folder first.",
            rule="target-folder",
        )


@contextmanager
def _removed_at_end(path: Path) -> Iterator[None]:
    """Leave nothing behind at a path that was not moved from there."""
    try:
        yield
    finally:
        if path.is_dir():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)


@contextmanager
def _new_root(path: Path, *, is_hdf5: bool) -> Iterator[Any]:
    if is_hdf5:
        with h5py.File(path, "w") as file:
            yield file
    else:
        yield open_zarr_group(str(path), mode="w")


def _write_counts(root: Any, counts: Iterable[csr_matrix], *, shape: tuple[int, int]) -> None:  # noqa: ANN401
    matrix = root.create_group("X")
    matrix.attrs.update(
        {"encoding-type": "csr_matrix", "encoding-version": "0.1.0", "shape": list(shape)}
    )
    data, indices = _growing(matrix, "data", np.float32), _growing(matrix, "indices", np.int32)
    lengths = [np.zeros(1, dtype=np.int64)]
    size = 0
    for block in counts:
        data.resize((size + block.nnz,))
        indices.resize((size + block.nnz,))
        data[size : size + block.nnz] = block.data
        indices[size : size + block.nnz] = block.indices
        size += block.nnz
        lengths.append(np.diff(block.indptr).astype(np.int64))
    write_elem(matrix, "indptr", np.cumsum(np.concatenate(lengths)))


def _growing(group: Any, name: str, dtype: type) -> Any:  # noqa: ANN401
    if isinstance(group, h5py.Group):
        return group.create_dataset(
            name,
            shape=(0,),
            maxshape=(None,),
            chunks=(VALUES_PER_CHUNK,),
            dtype=dtype,
            compression="gzip",
            shuffle=True,
        )
    return group.create_array(name, shape=(0,), chunks=(VALUES_PER_CHUNK,), dtype=dtype)
