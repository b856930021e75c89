"""10x HDF5 deposits: Cell Ranger 3 and later (one group), and before (one group a genome)."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from genemamba.atlas.sources.anndata_files import Candidate
from genemamba.atlas.sources.cell_table import CellTable
from genemamba.atlas.sources.elements import damaged, open_elements
from genemamba.atlas.sources.hdf5_columns import Hdf5CellTable, plain_values
from genemamba.atlas.sources.name_table import NameTable
from genemamba.atlas.sources.tenx_features import SOURCE_FEATURE_ID, feature_table
from genemamba.atlas.sources.tenx_matrix import TENX_H5, TenxMatrix, check_group
from genemamba.errors import SourceError
from genemamba.publishing import storage_errors

MATRIX_V3: Final = "matrix"
"""The one group of files of Cell Ranger 3 and later."""

PARTS_V2: Final = frozenset({"barcodes", "genes", "gene_names", "data", "indices", "indptr"})
"""What the group of a genome holds in files of Cell Ranger before 3."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TenxH5Source:
    """A file such as ``filtered_feature_bc_matrix.h5``."""

    path: Path
    """The file."""

    def cells(self) -> CellTable:
        """Return the barcodes, which have no columns.

        Those of several genomes are all of them together, sorted.

        Raises
        ------
        SourceError
            The file is damaged, or is no matrix of 10x.
        """
        groups, counts = self._groups()
        barcodes = self._differing_barcodes(groups)
        if barcodes is None:
            return Hdf5CellTable(
                path=self.path, kind=TENX_H5, n_obs=counts[0], names=f"{groups[0]}/barcodes"
            )
        return NameTable(names=np.unique(np.concatenate(barcodes)))

    def candidates(self, *, scratch: Path) -> Iterator[Candidate]:
        """Yield the one matrix there is, with the features of every type and genome.

        Parameters
        ----------
        scratch
            Folder for the order of the cells, where genomes have different ones.

        Raises
        ------
        SourceError
            The file is damaged.
        StorageError
            The scratch folder cannot be written.
        """
        groups, counts = self._groups()
        tables = []
        with open_elements(self.path, kind=TENX_H5) as file:
            for group, n_cells in zip(groups, counts, strict=True):
                var = _features(file, group)
                check_group(file[group], self.path.name, shape=(len(var), n_cells))
                tables.append(var)
        barcodes = self._differing_barcodes(groups)
        order = None if barcodes is None else _row_order(barcodes)
        matrix = TenxMatrix(
            path=self.path,
            groups=groups,
            widths=tuple(len(table) for table in tables),
            n_obs=counts[0] if order is None else order.shape[1],
            rows_in_groups=None if order is None else _save(order, scratch),
        )
        var = tables[0] if len(tables) == 1 else pd.concat(tables)
        yield Candidate("matrix", matrix, _filled(var))

    def _groups(self) -> tuple[tuple[str, ...], tuple[int, ...]]:
        """Return the groups that are matrices, and how many barcodes each has."""
        with open_elements(self.path, kind=TENX_H5) as file:
            groups = matrix_groups(file)
            counts = tuple(int(file[group]["barcodes"].shape[0]) for group in groups)
            held = ", ".join(sorted(file))
        if groups:
            return groups, counts
        raise SourceError(
            expected=f"{self.path.name} to hold a matrix of 10x, or AnnData",
            found=f"neither among its parts ({held or 'none'})",
            remedy="Deposit filtered_feature_bc_matrix.h5; molecule_info.h5 holds no matrix.",
        )

    def _differing_barcodes(self, groups: tuple[str, ...]) -> list[np.ndarray] | None:
        """Return the barcodes of each group as bytes; None where all groups have the same."""
        if len(groups) == 1:
            return None
        with open_elements(self.path, kind=TENX_H5) as file:
            barcodes = [np.asarray(file[group]["barcodes"][:]).astype("S") for group in groups]
        if all(np.array_equal(barcodes[0], other) for other in barcodes[1:]):
            return None
        for group, own in zip(groups, barcodes, strict=True):
            if len(np.unique(own)) < len(own):
                raise damaged(self.path.name, f"repeated barcodes in {group}", kind=TENX_H5)
        return barcodes


def matrix_groups(file: Any) -> tuple[str, ...]:  # noqa: ANN401  # h5py
    """Return the groups of an open HDF5 file that are matrices of 10x; none in other files."""
    if MATRIX_V3 in file and "features" in _members(file[MATRIX_V3]):
        return (MATRIX_V3,)
    return tuple(name for name in file if set(_members(file[name])) >= PARTS_V2)


def _members(node: Any) -> tuple[str, ...]:  # noqa: ANN401  # h5py
    return () if hasattr(node, "dtype") else tuple(node)


def _row_order(barcodes: list[np.ndarray]) -> np.ndarray:
    """Return the row of every barcode in each group, -1 where absent."""
    every = np.unique(np.concatenate(barcodes))
    rows = np.full((len(barcodes), len(every)), -1, dtype=np.int64)
    for number, own in enumerate(barcodes):
        rows[number, np.searchsorted(every, own)] = np.arange(len(own))
    return rows


def _save(rows: np.ndarray, scratch: Path) -> Path:
    path = scratch / "rows-in-genomes.npy"
    with storage_errors(str(scratch)):
        scratch.mkdir(parents=True, exist_ok=True)
        np.save(path, rows)
    return path


def _features(file: Any, group: str) -> pd.DataFrame:  # noqa: ANN401  # h5py
    node = file[group]
    if "features" not in node:
        ids, names = plain_values(node["genes"][:]), plain_values(node["gene_names"][:])
        return feature_table(ids.tolist(), names.tolist(), genomes=[group] * len(ids))
    features = node["features"]
    columns = {name: plain_values(features[name][:]).tolist() for name in _columns(features)}
    return feature_table(
        columns["id"],
        columns["name"],
        types=columns.get("feature_type"),
        genomes=columns.get("genome"),
    )


def _columns(features: Any) -> list[str]:  # noqa: ANN401  # h5py
    return [name for name in ("id", "name", "feature_type", "genome") if name in features]


def _filled(var: pd.DataFrame) -> pd.DataFrame:
    """Give the features of genomes without a prefix their own id as the deposited one."""
    if SOURCE_FEATURE_ID not in var:
        return var
    return var.assign(**{SOURCE_FEATURE_ID: var[SOURCE_FEATURE_ID].fillna(var["gene_ids"])})
