"""Loom deposits, of versions 2 and 3 of the format and of the files before them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from genemamba.atlas.sources.anndata_files import Candidate
from genemamba.atlas.sources.cell_table import CellTable
from genemamba.atlas.sources.elements import damaged, open_elements
from genemamba.atlas.sources.hdf5_columns import Hdf5CellTable, plain_values
from genemamba.atlas.sources.loom_matrix import LOOM, LoomMatrix
from genemamba.errors import SourceError

CELL_NAMES: Final = ("CellID", "obs_names", "cell_names", "cell_id", "Barcode", "barcode")
"""Column attributes with the names of cells: loompy's, anndata's, Seurat's, others'."""

GENE_IDS: Final = ("Accession", "ensembl_ids", "ensembl_id", "gene_ids", "gene_id", "GeneID")
"""Row attributes with Ensembl ids: loompy's, the Human Cell Atlas', others'."""

GENE_NAMES: Final = ("Gene", "var_names", "gene_names", "gene_symbols", "gene_name")
"""Row attributes with symbols: loompy's, anndata's, Seurat's, others'."""

LAYERS: Final = ("layers/counts", "matrix")
"""Where counts are looked for when no layer is named, in this order."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LoomSource:
    """A loom file: ``/matrix`` and ``/layers``, with genes in rows and cells in columns."""

    path: Path
    """The file."""
    layer: str | None = None
    """The only layer to look at; by default `LAYERS`."""

    def cells(self) -> CellTable:
        """Return the table of cells: the column attributes that have one value a cell.

        Raises
        ------
        SourceError
            The file is damaged, or is no loom file.
        """
        with open_elements(self.path, kind=LOOM) as file:
            n_obs = self._shape(file)[1]
            names, columns = loom_columns(file)
            for column in columns if names is None else (*columns, names):
                self._check_length("col_attrs", column, file, n_obs)
            escaped = _is_escaped(file)
        return Hdf5CellTable(
            path=self.path,
            kind=LOOM,
            n_obs=n_obs,
            names=None if names is None else f"col_attrs/{names}",
            sources=tuple((column, f"col_attrs/{column}") for column in columns),
            escaped=escaped,
        )

    def candidates(self, *, scratch: Path) -> Iterator[Candidate]:  # no need of it
        """Yield the matrices that may hold counts, the most likely first.

        Parameters
        ----------
        scratch
            Not used.

        Raises
        ------
        SourceError
            The file is damaged, or has no such layer.
        """
        with open_elements(self.path, kind=LOOM) as file:
            n_vars, n_obs = self._shape(file)
            var = self._genes(file, n_vars)
            places = self._places(file)
            chunks = {place: file[place].chunks or (1, 1) for place in places}
            for place in places:
                if file[place].shape != (n_vars, n_obs) or file[place].dtype.kind not in "biuf":
                    found = f"{place} of shape {file[place].shape} and type {file[place].dtype}"
                    raise damaged(self.path.name, found, kind=LOOM)
        for place in places:
            _, _, layer = place.partition("/")
            matrix = LoomMatrix(
                path=self.path,
                element=place,
                shape=(n_obs, n_vars),
                chunk_n_obs=int(chunks[place][1]),
            )
            yield Candidate(f'layers["{layer}"]' if layer else place, matrix, var)

    def _places(self, file: Any) -> list[str]:  # noqa: ANN401  # h5py
        held = tuple(file["layers"]) if "layers" in file else ()
        if self.layer is None:
            return [place for place in LAYERS if place in file]
        if self.layer not in held:
            raise SourceError(
                expected=f"{self.path.name} to hold the layer {self.layer!r}",
                found=f"the layers {', '.join(map(repr, held))}" if held else "no layers",
                remedy="Name one of the layers that exist, or none for the main matrix.",
                rule="layer-missing",
            )
        return [f"layers/{self.layer}"]

    def _shape(self, file: Any) -> tuple[int, int]:  # noqa: ANN401  # h5py
        if "matrix" not in file or getattr(file["matrix"], "ndim", 0) != 2:
            found = f"no two-dimensional /matrix among its parts ({', '.join(sorted(file))})"
            raise damaged(self.path.name, found, kind=LOOM)
        n_vars, n_obs = file["matrix"].shape
        return int(n_vars), int(n_obs)

    def _genes(self, file: Any, n_vars: int) -> pd.DataFrame:  # noqa: ANN401  # h5py
        """Return the row attributes with one value a gene; index = ids, else symbols."""
        columns = _flat(file, "row_attrs")
        for column in columns:
            self._check_length("row_attrs", column, file, n_vars)
        escaped = _is_escaped(file)
        attributes = {
            column: plain_values(file["row_attrs"][column][:], escaped=escaped)
            for column in columns
        }
        ids, symbols = _first(GENE_IDS, columns), _first(GENE_NAMES, columns)
        if ids is None and symbols is None:
            found = f"no names of genes among its row attributes ({', '.join(columns)})"
            raise damaged(self.path.name, found, kind=LOOM)
        names = attributes[ids or symbols or ""].astype(str).astype(object)
        if symbols is not None:
            texts = attributes[symbols].astype(str).astype(object)
            names = np.where(names == "", texts, names)
            attributes["gene_symbols"] = texts
        return pd.DataFrame(attributes, index=pd.Index(names, dtype=object))

    def _check_length(self, group: str, column: str, file: Any, length: int) -> None:  # noqa: ANN401  # h5py
        found = len(file[group][column])
        if found != length:
            told = f"{found} values in {group}/{column} beside a matrix with {length}"
            raise damaged(self.path.name, told, kind=LOOM)


def loom_columns(file: Any) -> tuple[str | None, tuple[str, ...]]:  # noqa: ANN401  # h5py
    """Return the column attribute with the names of the cells, if any, and the others."""
    columns = _flat(file, "col_attrs")
    names = _first(CELL_NAMES, columns)
    return names, tuple(column for column in columns if column != names)


def _flat(file: Any, group: str) -> list[str]:  # noqa: ANN401  # h5py
    """Return the attributes with one value each; embeddings have several."""
    if group not in file:
        return []
    return [name for name, node in file[group].items() if getattr(node, "ndim", 0) == 1]


def _is_escaped(file: Any) -> bool:  # noqa: ANN401  # h5py
    """Tell whether strings hold XML entities: before version 3 they had to be ASCII."""
    version = file.attrs.get("LOOM_SPEC_VERSION", b"2")
    if "attrs" in file and "LOOM_SPEC_VERSION" in file["attrs"]:
        version = file["attrs"]["LOOM_SPEC_VERSION"][()]
    (text,) = plain_values(np.atleast_1d(version))
    return int(str(text).partition(".")[0] or 0) < 3


def _first(wanted: Sequence[str], columns: Sequence[str]) -> str | None:
    return next((name for name in wanted if name in columns), None)
