"""Genes among the features of a deposit, and features of other types, which are kept apart."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from genemamba.errors import GenesError

FEATURE_TYPES: Final = "feature_types"
"""Column of ``var`` with the type of each feature, as 10x and scanpy have it."""

GENOME: Final = "genome"
"""Column of ``var`` with the genome of each feature."""

GENE_EXPRESSION: Final = "Gene Expression"
"""Type of features that are genes."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FeatureSet:
    """Features of one type that are no genes, such as antibodies."""

    key: str
    """Name in ``obsm``: the type in lower case, such as ``antibody_capture``."""
    columns: np.ndarray
    """Their columns in the deposit, int64, ascending."""
    names: tuple[str, ...]
    """Their names."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FeatureSplit:
    """The features of a deposit by what they are."""

    genes: np.ndarray
    """Columns of the genes, int64, ascending."""
    others: tuple[FeatureSet, ...]
    """Features of every other type."""
    n_other_genomes: int
    """Features of genomes that were not asked for; they are left out."""


def split_features(var: pd.DataFrame, *, genome: str | None = None) -> FeatureSplit:
    """Tell genes from features of other types, and the wanted genome from others.

    Parameters
    ----------
    var
        Features of the deposit; all are genes where it has no column `FEATURE_TYPES`.
    genome
        The one genome to take; all of them by default.

    Raises
    ------
    GenesError
        There is no such genome, or no gene.
    """
    wanted = _of_genome(var, genome)
    types = pd.Series(GENE_EXPRESSION, index=range(len(var)), dtype=object)
    if FEATURE_TYPES in var:
        types = var[FEATURE_TYPES].astype(object).fillna("").astype(str).reset_index(drop=True)
    is_gene = types.isin([GENE_EXPRESSION, ""]).to_numpy(dtype=bool)
    genes = np.flatnonzero(is_gene & wanted)
    if not len(genes):
        raise GenesError(
            expected=f"features of the type {GENE_EXPRESSION!r}",
            found=f"features of {', '.join(sorted(types.unique()))} only",
            remedy="Deposit the matrix of gene expression.",
            rule="genes-absent",
            count=len(var),
        )
    return FeatureSplit(
        genes=genes,
        others=tuple(
            FeatureSet(key=key, columns=columns, names=tuple(var.index[columns].astype(str)))
            for key, columns in _columns_by_key(types[~is_gene])
        ),
        n_other_genomes=int(np.count_nonzero(is_gene & ~wanted)),
    )


def _of_genome(var: pd.DataFrame, genome: str | None) -> np.ndarray:
    if genome is None:
        return np.ones(len(var), dtype=bool)
    held = var[GENOME].astype(object).fillna("").astype(str) if GENOME in var else pd.Series([""])
    if genome not in set(held):
        names = ", ".join(sorted(name for name in set(held) if name)) or "none that is named"
        raise GenesError(
            expected=f"the genome {genome!r} among the features",
            found=names,
            remedy="Name one of the genomes that exist, or leave out --genome.",
            rule="genome-missing",
        )
    return (held == genome).to_numpy(dtype=bool)


def _columns_by_key(types: pd.Series) -> Iterator[tuple[str, np.ndarray]]:
    """Yield keys and columns; types that differ in case or spaces alone are one."""
    found = types.map(lambda kind: "_".join(kind.lower().split()).replace("/", "_"))
    for key in sorted(found.unique()):
        yield key, found.index[found == key].to_numpy()
