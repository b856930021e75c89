"""Loads the human gene reference from the packaged table, and from an HGNC file by option."""

import functools
import gzip
import hashlib
import io
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Final

import pandas as pd

from genemamba.atlas.genes.hgnc import HgncTable, read_hgnc
from genemamba.atlas.genes.reference import GeneMatch, GeneReference, MatchedBy, RetiredGene, Status

NEWEST: Final = "48"
"""GENCODE release that ids and symbols are mapped to."""

GenesOf = Mapping[str, Iterable[str]]
"""Ids of the genes that have, or had, a symbol."""


def load_reference(hgnc: Path | None = None) -> GeneReference:
    """Load the human genes of GENCODE 48; ``genes_homo_sapiens.json`` says the sources.

    A gene in the regions that the chromosomes X and Y share has two ids; it is the one on X.
    A symbol means, in this order: the gene that has it; the gene that had it in GENCODE 44, or
    before HGNC replaced symbols that look like dates; with an HGNC file, also a gene that it
    was approved for there; and a gene that it is an alias of. A name of an earlier rank never
    loses to one of a later rank. Among several genes of one rank, a symbol means the
    protein-coding one if that is one only, an alias none.

    Parameters
    ----------
    hgnc
        ``hgnc_complete_set.txt``, as for `read_hgnc`; without it, few earlier symbols and no
        aliases are known.

    Raises
    ------
    SourceError
        The HGNC file cannot be read or is none.
    """
    return _packaged() if hgnc is None else _with_hgnc(read_hgnc(hgnc))


@functools.cache
def _packaged() -> GeneReference:
    return _build(None)


@functools.lru_cache(maxsize=1)
def _with_hgnc(hgnc: HgncTable) -> GeneReference:
    return _build(hgnc)


def _build(hgnc: HgncTable | None) -> GeneReference:
    folder = resources.files("genemamba.atlas") / "data"
    content = gzip.decompress((folder / "genes_homo_sapiens.tsv.gz").read_bytes())
    about = json.loads((folder / "genes_homo_sapiens.json").read_text())
    table = pd.read_csv(io.BytesIO(content), sep="\t", dtype=str, keep_default_na=False)
    current, gone = table[table["release"] == NEWEST], table[table["release"] != NEWEST]
    biotypes = dict(zip(current["ensembl_id"], current["biotype"], strict=True))
    on_y = current[current["same_as"] != ""]
    copies = dict(zip(on_y["ensembl_id"], on_y["same_as"], strict=True))
    ids, symbols = current["ensembl_id"].tolist(), current["symbol"].tolist()
    named = _genes_of(
        (symbol, copies.get(gene, gene)) for symbol, gene in zip(symbols, ids, strict=True)
    )
    retired = {
        gene: RetiredGene(symbol or gene, _only(named.get(symbol, ())))
        for gene, symbol in zip(gone["ensembl_id"], gone["symbol"], strict=True)
    }
    renamed = table[table["earlier"] != ""]
    earlier = _genes_of(
        (symbol.partition(":")[2], gene)
        for gene, symbols in zip(renamed["ensembl_id"], renamed["earlier"], strict=True)
        for symbol in symbols.split("|")
    )
    previous, aliases = _add_hgnc(earlier, named, biotypes, hgnc)
    digest = hashlib.sha256(content).hexdigest()
    if hgnc:
        source = {"name": f"HGNC, {hgnc.name}", "licence": "CC0-1.0"}
        about["sources"].append({**source, "sha256_uncompressed": hgnc.sha256})
        digest = hashlib.sha256(f"{digest}\n{hgnc.sha256}\n".encode()).hexdigest()
    shared = _shared(named, earlier, retired)
    return GeneReference(
        digest=f"sha256:{digest}",
        about={**about, "digest": f"sha256:{digest}"},
        symbols={gene: symbol or gene for gene, symbol in zip(ids, symbols, strict=True)},
        biotypes=biotypes,
        copies_on_y=copies,
        retired=retired,
        by_symbol={symbol: GeneMatch("", "retired") for symbol in gone["symbol"] if symbol}
        | _resolve(aliases, "alias", shared, biotypes={})
        | _resolve(previous, "previous", shared, biotypes=biotypes)
        | _resolve(named, "exact", shared, biotypes=biotypes),
        shared=shared,
    )


def _add_hgnc(
    earlier: GenesOf, named: GenesOf, biotypes: Mapping[str, str], hgnc: HgncTable | None
) -> tuple[GenesOf, GenesOf]:
    """Return previous symbols and aliases, with those of the HGNC file."""
    previous = [(symbol, gene) for symbol, genes in earlier.items() for gene in genes]
    aliases = []
    for row in hgnc.genes if hgnc else ():
        known = row.ensembl_id in biotypes
        gene = row.ensembl_id if known else _only(named.get(row.symbol, ()))
        if gene:
            previous += [(symbol, gene) for symbol in (row.symbol, *row.previous)]
            aliases += [(symbol, gene) for symbol in row.aliases]
    return _genes_of(previous), _genes_of(aliases)


def _genes_of(pairs: Iterable[tuple[str, str]]) -> GenesOf:
    # A dictionary keeps the order of a set's first additions, which a set does not.
    genes: dict[str, dict[str, None]] = defaultdict(dict)
    for symbol, gene in pairs:
        if symbol:
            genes[symbol][gene] = None
    return dict(genes)


def _only(genes: Iterable[str]) -> str:
    """Return the one gene there is; empty where there is none, or several."""
    found = list(genes)
    return found[0] if len(found) == 1 else ""


def _shared(named: GenesOf, earlier: GenesOf, retired: Mapping[str, RetiredGene]) -> frozenset[str]:
    genes: dict[str, set[str]] = defaultdict(set)
    for source in (named, earlier):
        for symbol, ids in source.items():
            genes[symbol].update(ids)
    for ensembl_id, gene in retired.items():
        genes[gene.symbol].add(gene.successor or ensembl_id)
    return frozenset(symbol for symbol, ids in genes.items() if len(ids) > 1)


def _resolve(
    genes_of: GenesOf, status: Status, shared: frozenset[str], *, biotypes: Mapping[str, str]
) -> dict[str, GeneMatch]:
    resolved = {}
    for symbol, genes in genes_of.items():
        ids = list(genes)
        coding = [gene for gene in ids if biotypes.get(gene) == "protein_coding"]
        found = _only(ids) or _only(coding)
        matched_by: MatchedBy = "shared_symbol" if symbol in shared or len(ids) > 1 else "symbol"
        resolved[symbol] = (
            GeneMatch(found, status, matched_by) if found else GeneMatch("", "ambiguous")
        )
    return resolved
