"""Which column of a store each gene of a deposit goes to."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from genemamba import keys
from genemamba.atlas.genes.column_map import ColumnMap
from genemamba.atlas.genes.flags import flag_genes, gene_kinds
from genemamba.atlas.genes.mapping import ENSEMBL_ID, ensembl_numbers
from genemamba.atlas.genes.reference import MAPPED

NAME_SEPARATOR: Final = " || "
"""Between several values of one field, as in the CELLxGENE schema."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GeneLayout:
    """The genes of a store, and the way from a deposit's genes to them."""

    var: pd.DataFrame
    """Genes of the store, index = Ensembl id, or the deposit's name where there is none."""
    map: ColumnMap
    """Store column of each gene of the deposit."""


def lay_out_genes(genes: pd.DataFrame) -> GeneLayout:
    """Give every distinct gene of a deposit one column, in order of first appearance.

    Parameters
    ----------
    genes
        From `genemamba.atlas.genes.mapping.map_genes`.
    """
    source_names = genes.index.to_numpy(dtype=object)
    names = np.where(genes[ENSEMBL_ID] != "", genes[ENSEMBL_ID], source_names)
    columns, unique = pd.factorize(names)
    first = genes.iloc[np.unique(columns, return_index=True)[1]]
    joined = _join_names(source_names, columns, n_vars=len(unique))
    var = pd.DataFrame(
        {
            keys.FEATURE_NAME: first[keys.FEATURE_NAME].to_numpy(dtype=object),
            keys.FEATURE_BIOTYPE: first[keys.FEATURE_BIOTYPE].to_numpy(dtype=object),
            keys.SOURCE_NAME: joined,
            keys.GENE_STATUS: first[keys.GENE_STATUS].to_numpy(dtype=object),
            keys.GENE_MATCHED_BY: first[keys.GENE_MATCHED_BY].to_numpy(dtype=object),
            keys.MEASURED: np.ones(len(unique), dtype=bool),
        },
        index=pd.Index(unique, dtype=object),
    )
    return GeneLayout(
        var=var,
        map=ColumnMap(
            columns=columns.astype(np.int32),
            numbers=ensembl_numbers(first[ENSEMBL_ID]),
            kinds=gene_kinds(flag_genes(var)),
        ),
    )


def merged_genes(var: pd.DataFrame) -> dict[str, list[str]]:
    """Return the genes whose counts were added up from several of the deposit.

    Parameters
    ----------
    var
        Genes of a store.

    Returns
    -------
    Name of the gene in the store to its names in the deposit.
    """
    names = var[keys.SOURCE_NAME].astype(str)
    merged = names[names.str.contains(NAME_SEPARATOR, regex=False)]
    return {str(gene): joined.split(NAME_SEPARATOR) for gene, joined in merged.items()}


def comparable_genes(var: pd.DataFrame) -> np.ndarray:
    """Tell which genes have counts that another deposit of the same cells would have too.

    They are those that were mapped, from one gene of the deposit only, and not by a symbol that
    several genes have or had: what such a symbol means depends on the deposit's annotation.

    Parameters
    ----------
    var
        Genes of a store.

    Returns
    -------
    Booleans, shape ``(n_vars,)``.
    """
    mapped = var[keys.GENE_STATUS].isin(MAPPED)
    merged = var[keys.SOURCE_NAME].astype(str).str.contains(NAME_SEPARATOR, regex=False)
    comparable = mapped & ~merged
    if keys.GENE_MATCHED_BY in var:
        comparable &= var[keys.GENE_MATCHED_BY].astype(str) != "shared_symbol"
    return comparable.to_numpy(dtype=bool)


def _join_names(names: np.ndarray, columns: np.ndarray, *, n_vars: int) -> np.ndarray:
    joined = np.full(n_vars, "", dtype=object)
    for name, column in zip(names, columns.tolist(), strict=True):
        joined[column] = f"{joined[column]}{NAME_SEPARATOR}{name}" if joined[column] else name
    return joined
