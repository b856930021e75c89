"""The mapping of a deposit's gene names to Ensembl ids."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from genemamba import keys
from genemamba.atlas.genes.columns import MatchedColumn, match_column
from genemamba.atlas.genes.reference import MAPPED, GeneMatch, GeneReference
from genemamba.atlas.genes.tables import load_reference

__all__ = [
    "ENSEMBL_ID", "ID_COLUMNS", "MAPPED", "SYMBOL_COLUMNS", "GeneMatch", "GeneReference",
    "ensembl_numbers", "load_reference", "map_genes",
]  # fmt: skip

ENSEMBL_ID: Final = "ensembl_id"
"""Column of `map_genes`: the Ensembl id without version; empty where there is none."""

ID_COLUMNS: Final = ("ensembl_id", "gene_ids", "gene_id", "feature_id", "ensembl", "gene_ensembl")
"""Columns of ``var`` in which deposits keep Ensembl ids: ours, scanpy's, CELLxGENE's, others."""

SYMBOL_COLUMNS: Final = (
    "feature_name", "gene_symbol", "gene_symbols", "gene_name", "gene_names", "symbol",
    "gene_short_name", "hgnc_symbol",
)  # fmt: skip
"""Columns of ``var`` in which deposits keep symbols."""

BIOTYPES: Final = {"ercc": "spike-in", "virus": "virus"}
"""What is written for features that have no GENCODE gene type."""


def map_genes(
    names: Sequence[str], *, reference: GeneReference, hints: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Map a deposit's genes to Ensembl ids, each by the best name that it has.

    A column of Ensembl ids in ``hints`` comes first, then the name, then a column of symbols.
    What a symbol means, `load_reference` says. Four things are told from the whole deposit:

    - Equal symbols, and symbols with the ending of a duplicate (``TBCE-1``, where ``TBCE`` is
      there too and no gene is called ``TBCE-1``), mean one gene if only one has or had the
      symbol; otherwise each of them is ambiguous.
    - ``9-Sep`` means the gene that was ``SEPT9``; in dates with a year, `years_are_numbers`
      finds the number.
    - ``1-Mar`` was ``MARCH1`` or ``MARC1``: if the deposit has one of them, it is the other.
    - A retired id means the gene that has its symbol today, if that is one only.

    Parameters
    ----------
    names
        Names of the genes, ``n_vars`` of them; need not be unique.
    reference
        The genes that are known.
    hints
        The deposit's ``var``, in the order of ``names``.

    Returns
    -------
    Table with index ``names`` and the columns ``ensembl_id`` (empty where unmapped),
    `keys.FEATURE_NAME`, `keys.FEATURE_BIOTYPE`, `keys.GENE_STATUS` and `keys.GENE_MATCHED_BY`.
    """
    spellings = [_spelling(hints, ID_COLUMNS, reference), names]
    spellings.append(_spelling(hints, SYMBOL_COLUMNS, reference))
    columns = [
        match_column(column, reference=reference) for column in spellings if column is not None
    ]
    best = [_best(candidates) for candidates in zip(*(c.matches for c in columns), strict=True)]
    best = _settle_dates(best, columns)
    spelt = [columns[column].names[row] for row, (column, _) in enumerate(best)]
    matches = [match for _, match in best]
    return pd.DataFrame(
        {
            ENSEMBL_ID: [match.ensembl_id for match in matches],
            keys.FEATURE_NAME: [
                reference.symbol_of(match, spelling) or name
                for match, spelling, name in zip(matches, spelt, names, strict=True)
            ],
            keys.FEATURE_BIOTYPE: [
                BIOTYPES.get(match.status, reference.biotypes.get(match.ensembl_id, ""))
                for match in matches
            ],
            keys.GENE_STATUS: [match.status for match in matches],
            keys.GENE_MATCHED_BY: [match.matched_by for match in matches],
        },
        index=pd.Series(names, dtype=object).to_numpy(),
        dtype=object,
    )


def ensembl_numbers(ensembl_ids: Iterable[str]) -> np.ndarray:
    """Return the digits of human Ensembl gene ids as uint64; 0 for an empty id."""
    digits = [int(gene.removeprefix("ENSG")) if gene else 0 for gene in ensembl_ids]
    return np.asarray(digits, dtype=np.uint64)


class _Choice(NamedTuple):
    column: int
    match: GeneMatch


def _spelling(
    hints: pd.DataFrame | None, columns: tuple[str, ...], reference: GeneReference
) -> list[str] | None:
    """Return the column with the most known genes, as strings; None where there is no column."""
    if hints is None:
        return None
    found = [
        hints[column].astype(object).fillna("").astype(str).tolist()
        for column in columns
        if column in hints
    ]
    return max(found, key=reference.share_known, default=None)


def _best(candidates: Sequence[GeneMatch]) -> _Choice:
    """Return the first mapped candidate, or the most telling reason why there is none."""
    best = 0
    for column, match in enumerate(candidates):
        if match.ensembl_id:
            return _Choice(column, match)
        if candidates[best].status == "unknown" != match.status:
            best = column
    return _Choice(best, candidates[best])


def _settle_dates(best: list[_Choice], columns: Sequence[MatchedColumn]) -> list[_Choice]:
    """Give a date that two symbols became to the one that the deposit does not have otherwise."""
    held = {choice.match.ensembl_id for choice in best}
    rows_of: dict[tuple[GeneMatch, ...], list[int]] = defaultdict(list)
    for row, (column, match) in enumerate(best):
        if match.matched_by == "date" and not match.ensembl_id:
            rows_of[columns[column].open_dates[columns[column].names[row]]].append(row)
    settled = list(best)
    for genes, rows in rows_of.items():
        left = [gene for gene in genes if gene.ensembl_id not in held]
        if len(left) == len(rows) == 1:
            settled[rows[0]] = best[rows[0]]._replace(match=left[0])
    return settled
