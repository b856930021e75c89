"""The human gene reference, and the mapping of a deposit's gene names to Ensembl ids."""

import functools
import gzip
import hashlib
import io
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Final, Literal, NamedTuple

import numpy as np
import pandas as pd

from genemamba import keys

ENSEMBL_ID: Final = "ensembl_id"
"""Column of `map_genes`: the Ensembl id without version; empty where there is none."""

Status = Literal["ensembl", "symbol", "previous", "ambiguous", "unknown", "ercc"]
"""How a gene was found: by id, by symbol, by a symbol it once had; or why it was not."""

MAPPED: Final[frozenset[Status]] = frozenset({"ensembl", "symbol", "previous"})
"""Statuses of genes that have an Ensembl id."""

ID_COLUMNS: Final = ("ensembl_id", "gene_ids", "gene_id", "feature_id", "ensembl", "gene_ensembl")
"""Columns of ``var`` in which deposits keep Ensembl ids: ours, scanpy's, CELLxGENE's, others."""

SYMBOL_COLUMNS: Final = (
    "feature_name", "gene_symbol", "gene_symbols", "gene_name", "gene_names", "symbol",
    "gene_short_name", "hgnc_symbol",
)  # fmt: skip
"""Columns of ``var`` in which deposits keep symbols."""

VERSIONED_ID: Final = re.compile(r"(ENS[A-Z]*G\d{11})(?:\.\d+)?(?:_PAR_Y)?")
"""An Ensembl gene id; GENCODE marks the copies on chromosome Y that are the same gene."""

SPIKE_IN: Final = re.compile(r"ERCC-\d{5}")
"""Controls that were added to the sample: no genes, but no unknown ones either."""


class GeneMatch(NamedTuple):
    """What one name stands for."""

    ensembl_id: str
    """Empty where the name has none."""
    status: Status
    """How it was found."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GeneReference:
    """The genes of one GENCODE release and the names they go by."""

    digest: str
    """``sha256:`` and 64 hex digits over the packaged table."""
    symbols: dict[str, str]
    """Ensembl id to symbol; the id itself where there is none."""
    biotypes: dict[str, str]
    """Ensembl id to GENCODE gene type."""
    by_symbol: dict[str, GeneMatch]
    """Every symbol, and every symbol that only earlier releases had."""

    def match(self, name: str) -> GeneMatch:
        """Find a gene by id, with or without version, or by symbol."""
        ensembl = VERSIONED_ID.fullmatch(name)
        if ensembl:
            known = ensembl[1] in self.symbols
            return GeneMatch(ensembl[1], "ensembl") if known else GeneMatch("", "unknown")
        if SPIKE_IN.fullmatch(name):
            return GeneMatch("", "ercc")
        return self.by_symbol.get(name, GeneMatch("", "unknown"))

    def share_known(self, names: Sequence[str]) -> float:
        """Return the share of names, in [0, 1], that are ids, symbols or controls known here."""
        known = sum(self.match(name).status != "unknown" for name in names)
        return known / max(len(names), 1)


@functools.cache
def load_reference() -> GeneReference:
    """Load the packaged table of human genes; ``genes_homo_sapiens.json`` says its sources."""
    path = resources.files("genemamba.atlas") / "data" / "genes_homo_sapiens.tsv.gz"
    content = gzip.decompress(path.read_bytes())
    table = pd.read_csv(io.BytesIO(content), sep="\t", dtype=str, keep_default_na=False)
    ids, biotypes = table["ensembl_id"].tolist(), table["biotype"].tolist()
    named = [(symbol, gene) for symbol, gene in zip(table["symbol"], ids, strict=True) if symbol]
    earlier = [
        (symbol, gene)
        for symbols, gene in zip(table["previous"], ids, strict=True)
        for symbol in symbols.split("|")
        if symbol
    ]
    biotype_of = dict(zip(ids, biotypes, strict=True))
    return GeneReference(
        digest=f"sha256:{hashlib.sha256(content).hexdigest()}",
        symbols={gene: gene for gene in ids} | {gene: symbol for symbol, gene in named},
        biotypes=biotype_of,
        by_symbol=_resolve(earlier, biotype_of, status="previous")
        | _resolve(named, biotype_of, status="symbol"),
    )


def map_genes(
    names: Sequence[str], *, reference: GeneReference, hints: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Map a deposit's genes to Ensembl ids, each by the best name that it has.

    A column of Ensembl ids in ``hints`` comes first, then the name, then a column of symbols.
    A symbol with several ids means the protein-coding one, if that is one only; otherwise it
    is ambiguous and stays unmapped.

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
    `keys.FEATURE_NAME`, `keys.FEATURE_BIOTYPE` and `keys.GENE_STATUS`.
    """
    spellings = [_spelling(hints, ID_COLUMNS, reference), names]
    spellings.append(_spelling(hints, SYMBOL_COLUMNS, reference))
    columns = [column for column in spellings if column is not None]
    matches = [_best(candidates, reference) for candidates in zip(*columns, strict=True)]
    ids = [match.ensembl_id for match in matches]
    return pd.DataFrame(
        {
            ENSEMBL_ID: ids,
            keys.FEATURE_NAME: [
                reference.symbols[gene] if gene else name
                for gene, name in zip(ids, names, strict=True)
            ],
            keys.FEATURE_BIOTYPE: [
                "spike-in" if match.status == "ercc" else reference.biotypes.get(gene, "")
                for gene, match in zip(ids, matches, strict=True)
            ],
            keys.GENE_STATUS: [match.status for match in matches],
        },
        index=pd.Series(names, dtype=object).to_numpy(),
        dtype=object,
    )


def ensembl_numbers(ensembl_ids: Iterable[str]) -> np.ndarray:
    """Return the digits of human Ensembl gene ids as uint64; 0 for an empty id."""
    digits = [int(gene.removeprefix("ENSG")) if gene else 0 for gene in ensembl_ids]
    return np.asarray(digits, dtype=np.uint64)


def _resolve(
    pairs: list[tuple[str, str]], biotypes: dict[str, str], *, status: Status
) -> dict[str, GeneMatch]:
    genes: dict[str, list[str]] = defaultdict(list)
    for symbol, gene in pairs:
        genes[symbol].append(gene)
    resolved = {}
    for symbol, ids in genes.items():
        coding = [gene for gene in ids if biotypes[gene] == "protein_coding"]
        unique = ids if len(ids) == 1 else coding
        found = GeneMatch(unique[0], status) if len(unique) == 1 else GeneMatch("", "ambiguous")
        resolved[symbol] = found
    return resolved


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


def _best(candidates: Sequence[str], reference: GeneReference) -> GeneMatch:
    """Return the first mapped candidate, or the most telling reason why there is none."""
    matches = [reference.match(name) for name in candidates]
    mapped = [match for match in matches if match.status in MAPPED]
    telling = [match for match in matches if match.status != "unknown"]
    return (mapped or telling or matches)[0]
