"""The tables of several stores as one: their cells below each other, their genes united."""

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
import pandas as pd

from genemamba import keys
from genemamba.atlas.genes.mapping import MAPPED
from genemamba.atlas.store import read_obs, read_var
from genemamba.atlas.versions.left_out import inherit_ids
from genemamba.atlas.versions.manifests import AtlasManifest, StoreEntry
from genemamba.errors import StoreError

CANONICAL: tuple[str, ...] = (keys.CELL_TYPE, keys.BATCH, keys.DEPOSIT, keys.CONTENT_HASH)
"""Columns that every version has, in this order, before those that all deposits have."""

GeneJoin = Literal["outer", "inner"]
"""Genes that any store measured, or only those that all did."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class AtlasTables:
    """Cells and genes of an atlas version."""

    obs: pd.DataFrame
    """Cells in the manifest's order, index = `keys.CELL_ID`."""
    var: pd.DataFrame
    """Genes, index = Ensembl id, sorted; `keys.FEATURE_NAME`."""
    measured: np.ndarray
    """Which genes each store measured, bool, shape ``(stores, genes)``."""
    variables: tuple[pd.DataFrame, ...]
    """Genes of each store, as it has them."""
    store_rows: tuple[slice, ...]
    """Rows of `obs` that belong to each store."""

    @classmethod
    def read(cls, manifest: AtlasManifest, *, join: GeneJoin = "outer") -> Self:
        """Read and join the tables of all stores; their counts are not looked at.

        Parameters
        ----------
        manifest
            The version.
        join
            Which genes. A store of which no cell is left has no say.

        Raises
        ------
        StoreError
            A store is missing, incomplete, or not of the size that the manifest says; or the
            manifest lists none.
        """
        if not manifest.stores:
            msg = f"Expected atlas {manifest.atlas!r} to hold stores, found none. Ingest a deposit."
            raise StoreError(msg)
        tables = [_read_cells(entry) for entry in manifest.stores]
        variables = tuple(read_var(entry.url) for entry in manifest.stores)
        lengths = [len(table) for table in tables]
        ends = np.cumsum(lengths).tolist()
        names = [_mapped(var) for var in variables]
        filled = [number for number, length in enumerate(lengths) if length] or [0]
        var = _join_genes([names[number] for number in filled], join=join)
        return cls(
            obs=_join_cells(
                [tables[number] for number in filled],
                [manifest.stores[number].name for number in filled],
            ),
            var=var,
            measured=np.asarray([var.index.isin(name.index) for name in names], dtype=bool),
            variables=variables,
            store_rows=tuple(map(slice, [0, *ends[:-1]], ends)),
        )


def _read_cells(entry: StoreEntry) -> pd.DataFrame:
    table = read_obs(entry.url)
    if len(table) != entry.n_obs:
        msg = f"Expected {entry.n_obs} cells at {entry.url}, found {len(table)}."
        raise StoreError(msg)
    if entry.inherited:
        own = table[keys.CELL_ID].to_numpy(dtype=object)
        table = table.assign(**{keys.CELL_ID: inherit_ids(own, entry.inherited)})
    return table.iloc[entry.kept_rows()] if entry.left_out else table


def _mapped(var: pd.DataFrame) -> pd.Series:
    names: pd.Series = var.loc[var[keys.GENE_STATUS].isin(MAPPED), keys.FEATURE_NAME]
    return names.astype(object)


def _join_genes(names: list[pd.Series], *, join: GeneJoin) -> pd.DataFrame:
    joined = pd.concat(names)
    unique = joined[~joined.index.duplicated()].sort_index()
    if join == "inner":
        shared = [unique.index.isin(name.index) for name in names]
        unique = unique[np.logical_and.reduce(shared)]
    return pd.DataFrame({keys.FEATURE_NAME: unique.to_numpy(dtype=object)}, index=unique.index)


def _join_cells(tables: list[pd.DataFrame], deposits: list[str]) -> pd.DataFrame:
    shared = [
        column
        for column in tables[0].columns
        if all(column in table for table in tables) and column not in (*CANONICAL, keys.CELL_ID)
    ]
    lengths = [len(table) for table in tables]
    joined = {column: _join_column([table[column] for table in tables]) for column in shared}
    canonical = {
        keys.CELL_TYPE: _join_column([table[keys.CELL_TYPE] for table in tables]),
        keys.BATCH: pd.Categorical(np.concatenate(_distinct_batches(tables, deposits))),
        keys.DEPOSIT: pd.Categorical(np.repeat(np.asarray(deposits, dtype=object), lengths)),
        keys.CONTENT_HASH: _join_column([table[keys.CONTENT_HASH] for table in tables]),
    }
    obs = pd.DataFrame(canonical | joined)
    obs.index = pd.Index(_join_text([table[keys.CELL_ID] for table in tables]), name=keys.CELL_ID)
    return obs


def _distinct_batches(tables: list[pd.DataFrame], deposits: list[str]) -> list[np.ndarray]:
    """Return each store's batches, with the deposit in front where another has the same name."""
    batches = [table[keys.BATCH].astype(object) for table in tables]
    seen = pd.Series([name for column in batches for name in column.unique()])
    shared = set(seen[seen.duplicated()])
    return [
        column.where(~column.isin(shared), deposit + ":" + column).to_numpy(dtype=object)
        for column, deposit in zip(batches, deposits, strict=True)
    ]


def _join_column(columns: list[pd.Series]) -> pd.Series:
    """Join the columns of several stores; as text where their types differ."""
    if any(isinstance(column.dtype, pd.CategoricalDtype) for column in columns):
        return _join_text(columns).astype("category")
    if len({column.dtype.kind for column in columns}) > 1:
        return _join_text(columns)
    return pd.concat(columns, ignore_index=True)


def _join_text(columns: list[pd.Series]) -> pd.Series:
    texts = [column.astype(object).map(str, na_action="ignore") for column in columns]
    return pd.concat(texts, ignore_index=True)
