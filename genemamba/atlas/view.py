"""An atlas version seen as one matrix: cells of all stores over the union of their genes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix, vstack

from genemamba import keys
from genemamba.atlas.genes import MAPPED
from genemamba.atlas.layout import project_columns
from genemamba.atlas.store import read_counts, read_obs, read_var
from genemamba.atlas.versions import AtlasManifest
from genemamba.errors import StoreError

CANONICAL: tuple[str, ...] = (keys.CELL_TYPE, keys.BATCH, keys.DEPOSIT, keys.CONTENT_HASH)
"""Columns that every view has, in this order, before those that all deposits have."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AtlasView:
    """Cells, genes and counts of an atlas version; the counts are read when asked for."""

    manifest: AtlasManifest
    """The version."""
    obs: pd.DataFrame
    """Cells of all stores in the manifest's order, index = `keys.CELL_ID`."""
    var: pd.DataFrame
    """Genes that any store measured, index = Ensembl id, sorted; `keys.FEATURE_NAME`."""
    store_rows: tuple[slice, ...]
    """Rows of `obs` that belong to each store."""

    @classmethod
    def open(cls, manifest: AtlasManifest) -> Self:
        """Read the tables of all stores.

        Parameters
        ----------
        manifest
            The version.

        Raises
        ------
        StoreError
            A store is missing, incomplete, or not of the size that the manifest says; or the
            manifest lists none.
        """
        if not manifest.stores:
            msg = f"Expected atlas {manifest.atlas!r} to hold stores, found none. Ingest a deposit."
            raise StoreError(msg)
        tables = [read_obs(entry.url) for entry in manifest.stores]
        for entry, table in zip(manifest.stores, tables, strict=True):
            if len(table) != entry.n_obs:
                msg = f"Expected {entry.n_obs} cells at {entry.url}, found {len(table)}."
                raise StoreError(msg)
        ends = np.cumsum([len(table) for table in tables]).tolist()
        bounds = zip([0, *ends[:-1]], ends, strict=True)
        return cls(
            manifest=manifest,
            obs=_join_cells(tables, [entry.name for entry in manifest.stores]),
            var=_join_genes([_mapped(read_var(entry.url)) for entry in manifest.stores]),
            store_rows=tuple(slice(start, stop) for start, stop in bounds),
        )

    @property
    def gene_ids(self) -> tuple[str, ...]:
        """Ensembl ids of the genes, sorted."""
        return tuple(self.var.index)

    def counts(self, gene_ids: Sequence[str] | None = None) -> csr_matrix:
        """Read the counts of all cells over one list of genes.

        Parameters
        ----------
        gene_ids
            Distinct Ensembl ids; those of the view by default. A gene that a store did not
            measure is zero in its cells.

        Returns
        -------
        Canonical CSR, float32, shape ``(n_obs, len(gene_ids))``, rows as in `obs`.
        """
        wanted = pd.Index(self.gene_ids if gene_ids is None else gene_ids)
        parts = [_read_over(entry.url, wanted) for entry in self.manifest.stores]
        return csr_matrix(vstack(parts, format="csr", dtype=np.float32))


def _read_over(url: str, wanted: pd.Index) -> csr_matrix:
    var = read_var(url)
    mapped = var[keys.GENE_STATUS].isin(MAPPED).to_numpy()
    columns = np.where(mapped, wanted.get_indexer(var.index), -1).astype(np.int32)
    # Genes that are not wanted go to one extra column at the end, which is cut off.
    columns[columns < 0] = len(wanted)
    counts = project_columns(read_counts(url), columns, n_vars=len(wanted) + 1)
    return counts[:, : len(wanted)].astype(np.float32)


def _mapped(var: pd.DataFrame) -> pd.Series:
    names: pd.Series = var.loc[var[keys.GENE_STATUS].isin(MAPPED), keys.FEATURE_NAME]
    return names.astype(object)


def _join_genes(names: list[pd.Series]) -> pd.DataFrame:
    joined = pd.concat(names)
    unique = joined[~joined.index.duplicated()].sort_index()
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
