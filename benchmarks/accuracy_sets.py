"""The three labelled sets that accuracy is measured on, and what is held out of each."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import anndata as ad
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from genemamba.keys import UNKNOWN

DATA: Final = Path(os.environ.get("GENEMAMBA_DATA", Path(__file__).parents[2] / "shared" / "data"))

TRUSTED: Final = ("FACS", "author clusters")
"""Sources of PBMC labels that count as truth; the others were predicted."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LabelledSet:
    """Cells, their labels, and the groups that are held out in turn."""

    name: str
    """Of the set."""
    counts: csr_matrix
    """Raw counts of all cells, labelled or not, shape ``(n_obs, n_vars)``."""
    gene_ids: tuple[str, ...]
    """Names of the columns, each once."""
    labels: NDArray[np.str_]
    """Label of each cell, `UNKNOWN` where there is no truth."""
    batch: NDArray[np.str_]
    """Experimental batch of each cell."""
    group: NDArray[np.str_]
    """Study, or batch: what is held out."""

    def folds(self) -> "dict[str, Fold]":
        """Hold each group out in turn.

        Only cells of types that the other groups have, too, are scored: others cannot be named.
        """
        known = self.labels != UNKNOWN
        found = {}
        for name in np.unique(self.group[known]).tolist():
            train = np.flatnonzero(known & (self.group != name))
            test = np.flatnonzero(known & (self.group == name))
            is_shared = np.isin(self.labels[test], self.labels[train])
            found[name] = Fold(
                train=train, test=test[is_shared], n_unshared=int((~is_shared).sum())
            )
        return found


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Fold:
    """Rows to learn from and to score."""

    train: NDArray[np.int64]
    test: NDArray[np.int64]
    n_unshared: int
    """Labelled cells of the held-out group that are not scored, as no other group has their type."""


def read_pbmc() -> LabelledSet:
    """Read PBMC of three studies; those with trusted labels are held out."""
    adata = ad.read_h5ad(DATA / "pbmc_multistudy.h5ad")
    trusted = adata.obs["label_source"].isin(TRUSTED).to_numpy()
    labels = np.where(trusted, adata.obs["cell_type"].astype(str), UNKNOWN)
    return _labelled_set("pbmc_multistudy", adata, labels, adata.obs["study"].astype(str))


def read_cell_lines() -> LabelledSet:
    """Read five cell lines; runs are held out."""
    return _of_batches("cell_lines", "cell_lines_sc_mixology.h5ad")


def read_panc8() -> LabelledSet:
    """Read pancreas; technologies are held out."""
    return _of_batches("panc8", "pancreas_panc8_small.h5ad")


def _of_batches(name: str, file: str) -> LabelledSet:
    adata = ad.read_h5ad(DATA / file)
    return _labelled_set(name, adata, adata.obs["cell_type"].astype(str), adata.obs["batch"])


def _labelled_set(name: str, adata: ad.AnnData, labels: object, group: object) -> LabelledSet:
    return LabelledSet(
        name=name,
        counts=csr_matrix(adata.X),
        gene_ids=tuple(adata.var_names.astype(str)),
        labels=np.asarray(labels, dtype=str),
        batch=adata.obs["batch"].to_numpy(dtype=str),
        group=np.asarray(group, dtype=str),
    )
