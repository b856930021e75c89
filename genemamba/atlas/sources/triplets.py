"""Entries of a matrix in any order, brought into the order of the cells on disk."""

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from genemamba.atlas.sources.mtx_entries import Entries
from genemamba.atlas.sources.spool import SpooledMatrix
from genemamba.atlas.sparse import BLOCK_NNZ, row_blocks
from genemamba.publishing import storage_errors

DTYPES: Final = {"cells": np.int32, "indices": np.int32, "data": np.float64}
"""Files of a folder, of which `SpooledMatrix` reads the latter two, and what they hold."""


def spool_entries(
    blocks: Iterator[Entries], *, n_obs: int, n_vars: int, folder: Path
) -> SpooledMatrix:
    """Write entries as a matrix that can be read by cells.

    Entries that come cell by cell, as Cell Ranger writes them, are written once. Others are
    dealt out to files of some consecutive cells each, which are then sorted one by one, so that
    memory holds one block whatever the order.

    Parameters
    ----------
    blocks
        Entries whose rows are genes and whose columns are cells.
    n_obs, n_vars
        Cells and genes.
    folder
        Scratch folder, created.

    Raises
    ------
    StorageError
        The scratch folder cannot be written, or its disk is full.
    """
    lengths = np.zeros(n_obs, dtype=np.int64)
    last, in_order = 0, True
    with storage_errors(str(folder)):
        folder.mkdir(parents=True, exist_ok=True)
        for name in DTYPES:
            _file(folder, name).write_bytes(b"")
    for block in blocks:
        lengths += np.bincount(block.columns, minlength=n_obs)
        in_order = in_order and last <= block.columns[0]
        in_order = in_order and not (block.columns[1:] < block.columns[:-1]).any()
        last = block.columns[-1]
        with storage_errors(str(folder)):
            _append(folder, cells=block.columns, indices=block.rows, data=block.values)
    indptr = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths)])
    with storage_errors(str(folder)):
        if not in_order:
            _sort(folder, indptr)
        _file(folder, "cells").unlink()
        np.save(folder / "indptr.npy", indptr)
    return SpooledMatrix(folder=folder, shape=(n_obs, n_vars))


def _sort(folder: Path, indptr: np.ndarray) -> None:
    parts = list(row_blocks(indptr))
    starts = np.asarray([part.start for part in parts])
    for low in range(0, int(indptr[-1]), BLOCK_NNZ):
        entries = _read(folder, start=low, count=BLOCK_NNZ)
        part = np.searchsorted(starts, entries["cells"], side="right") - 1
        order = np.argsort(part, kind="stable")
        bounds = np.searchsorted(part[order], np.arange(len(parts) + 1))
        for number, (start, stop) in enumerate(itertools.pairwise(bounds)):
            if start < stop:
                dealt = {name: values[order[start:stop]] for name, values in entries.items()}
                _append(_part(folder, number), **dealt)
    for name in DTYPES:
        _file(folder, name).write_bytes(b"")
    for number in range(len(parts)):
        if _part(folder, number).exists():
            entries = _read(_part(folder, number))
            order = np.argsort(entries["cells"], kind="stable")
            _append(folder, **{name: values[order] for name, values in entries.items()})
            shutil.rmtree(_part(folder, number))


def _append(folder: Path, **entries: np.ndarray) -> None:
    folder.mkdir(exist_ok=True)
    for name, values in entries.items():
        with _file(folder, name).open("ab") as file:
            file.write(values.astype(DTYPES[name], copy=False).tobytes())


def _read(folder: Path, *, start: int = 0, count: int = -1) -> dict[str, np.ndarray]:
    return {
        name: np.fromfile(
            _file(folder, name), dtype=dtype, count=count, offset=start * np.dtype(dtype).itemsize
        )
        for name, dtype in DTYPES.items()
    }


def _part(folder: Path, number: int) -> Path:
    return folder / f"part-{number}"


def _file(folder: Path, name: str) -> Path:
    return folder / f"{name}.bin"
