"""The table of features of 10x outputs: what is measured, of which type and genome."""

import re
from collections.abc import Sequence
from typing import Final

import pandas as pd

SOURCE_FEATURE_ID: Final = "source_feature_id"
"""Column with the feature ids as deposited, where a genome prefix was taken off them."""

GENE_EXPRESSION: Final = "Gene Expression"
"""Feature type of genes; before Cell Ranger 3 there was no other."""

PREFIXED_ID: Final = re.compile(r"(?P<genome>[A-Za-z0-9.\-]+?)_+ENS[A-Z]*G\d{11}(\.\d+)?")
"""Ensembl id of a reference of several genomes, which Cell Ranger puts the genome in front of and
fills up with underscores to one length: ``GRCh38_ENSG00000141510``, ``mm10___ENSMUSG00000059552``."""


def feature_table(
    ids: Sequence[str],
    names: Sequence[str],
    *,
    types: Sequence[str] | None = None,
    genomes: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Make the ``var`` of a 10x deposit, with the genome prefixes of its ids and names taken off.

    Parameters
    ----------
    ids, names
        As deposited, ``n_vars`` each.
    types
        Feature types; all of them `GENE_EXPRESSION` by default.
    genomes
        Name of the genome of each feature, empty for those that have none; by default what
        stands in front of the Ensembl ids.

    Returns
    -------
    Table with index = ids, and the columns ``gene_ids``, ``gene_symbols``, ``feature_types``,
    ``genome`` and, where a prefix was taken off, `SOURCE_FEATURE_ID`.
    """
    known = _prefixes_of_ids(ids) if genomes is None else {genome for genome in genomes if genome}
    own = [_prefix(name, known) for name in ids] if genomes is None else list(genomes)
    pairs = list(zip(own, ids, names, strict=True))
    stripped = [_without(genome, gene) for genome, gene, _ in pairs]
    table = pd.DataFrame(
        {
            "gene_ids": stripped,
            "gene_symbols": [_without(genome, name) for genome, _, name in pairs],
            "feature_types": list(types) if types is not None else GENE_EXPRESSION,
            "genome": own,
        },
        index=pd.Index(stripped, dtype=object),
        dtype=object,
    )
    if stripped != list(ids):
        table[SOURCE_FEATURE_ID] = list(ids)
    return table


def _prefixes_of_ids(ids: Sequence[str]) -> set[str]:
    found = (PREFIXED_ID.fullmatch(gene) for gene in ids)
    return {match["genome"] for match in found if match}


def _prefix(name: str, known: set[str]) -> str:
    return next((genome for genome in known if _without(genome, name) != name), "")


def _without(genome: str, name: str) -> str:
    if not genome or not name.startswith(f"{genome}_"):
        return name
    return name.removeprefix(genome).lstrip("_") or name
