"""What the schema check reads of a deposit: its tables, its annotations, and where matrices lie."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from anndata.io import read_elem

from genemamba.atlas.sources.elements import damaged, open_elements

MAPPINGS = ("obsm", "varm", "obsp", "varp")
"""Parts of a deposit that hold arrays by name."""


class StoredArray(NamedTuple):
    """A value of ``obsm``, ``varm``, ``obsp`` or ``varp``, left on disk."""

    element: str
    """Where it lies in the file."""
    shape: tuple[int, ...] | None
    """Its shape; None where it is no plain array."""
    kind: str
    """Kind of its values, as NumPy's ``dtype.kind``; ``O`` where it is no plain array."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SchemaDeposit:
    """The small parts of a deposit, in memory."""

    path: Path
    """The h5ad file or Zarr folder."""
    obs: pd.DataFrame
    """Its cells."""
    var: pd.DataFrame
    """Its genes."""
    raw_var: pd.DataFrame | None
    """The genes of ``raw``, where there is one."""
    uns: dict[str, Any]
    """What it says about itself."""
    arrays: Mapping[str, Mapping[str, StoredArray]]
    """The arrays of each of `MAPPINGS`."""
    layers: tuple[str, ...]
    """Names of the layers."""

    @property
    def organism(self) -> str | None:
        """The organism, where it is said in words."""
        value = self.uns.get("organism_ontology_term_id")
        return value if isinstance(value, str) else None

    def strings(self, column: str) -> pd.Series:
        """Return a column of ``obs``, missing values as they are; empty where it is absent."""
        return self.obs[column].astype(object) if column in self.obs else pd.Series(dtype=object)


def read_deposit(path: Path) -> SchemaDeposit:
    """Read the small parts of an AnnData file.

    Parameters
    ----------
    path
        An h5ad file, or a Zarr folder.

    Raises
    ------
    SourceError
        The file is damaged, or holds no AnnData.
    """
    with open_elements(path) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # files of older anndata versions are read on purpose
        tables = {name: read_elem(file[name]) for name in ("obs", "var") if name in file}
        for name in ("obs", "var"):
            if not isinstance(tables.get(name), pd.DataFrame):
                raise damaged(path.name, f"no table {name!r}")
        raw_var = read_elem(file["raw/var"]) if "raw/var" in file else None
        uns = read_elem(file["uns"]) if "uns" in file else {}
        arrays = {name: _arrays(file, name) for name in MAPPINGS}
        layers = tuple(sorted(file["layers"].keys())) if "layers" in file else ()
    return SchemaDeposit(
        path=path,
        obs=tables["obs"],
        var=tables["var"],
        raw_var=raw_var,
        uns=dict(uns),
        arrays=arrays,
        layers=layers,
    )


def _arrays(file: Any, name: str) -> dict[str, StoredArray]:  # noqa: ANN401  # h5py or zarr
    if name not in file:
        return {}
    found = {}
    for key in file[name].keys():  # noqa: SIM118  # groups of zarr are no mappings
        node = file[name][key]
        plain = hasattr(node, "dtype")
        shape = tuple(int(size) for size in node.shape) if plain else None
        found[key] = StoredArray(f"{name}/{key}", shape, node.dtype.kind if plain else "O")
    return found
