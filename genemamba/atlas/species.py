"""Which species a deposit's genes are of, told from their names."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

import pandas as pd

from genemamba.atlas.genes import ID_COLUMNS, GeneReference
from genemamba.errors import GenesError

SPECIES: Final = {
    "ENS": "human (Homo sapiens)",
    "ENSMUS": "mouse (Mus musculus)",
    "ENSRNO": "rat (Rattus norvegicus)",
    "ENSDAR": "zebrafish (Danio rerio)",
    "ENSMMU": "rhesus macaque (Macaca mulatta)",
    "ENSMFA": "crab-eating macaque (Macaca fascicularis)",
    "ENSPTR": "chimpanzee (Pan troglodytes)",
    "ENSGGO": "gorilla (Gorilla gorilla)",
    "ENSCJA": "marmoset (Callithrix jacchus)",
    "ENSMIC": "mouse lemur (Microcebus murinus)",
    "ENSSSC": "pig (Sus scrofa)",
    "ENSOCU": "rabbit (Oryctolagus cuniculus)",
    "ENSGAL": "chicken (Gallus gallus)",
    "FBgn": "fruit fly (Drosophila melanogaster)",
    "WBGene": "roundworm (Caenorhabditis elegans)",
}
"""Prefixes of stable ids (Ensembl, FlyBase, WormBase)."""

STABLE_ID: Final = re.compile(r"(ENS[A-Z]*)G\d{11}.*|(FBgn|WBGene)\d+")
"""A stable gene id; one group holds its prefix."""

RODENT_SYMBOL: Final = re.compile(r"[A-Z][a-z][A-Za-z0-9.-]*|mt-[A-Z][A-Za-z0-9]*")
"""Mouse and rat symbols are capitalised (MGI and RGD guidelines: Actb), human ones upper case."""


def refuse_other_species(
    names: Sequence[str], *, reference: GeneReference, hints: pd.DataFrame | None = None
) -> None:
    """Refuse genes that are not human.

    Parameters
    ----------
    names
        Names of the genes in the deposit.
    reference
        The human genes.
    hints
        The deposit's ``var``; its columns of Ensembl ids vote too.

    Raises
    ------
    GenesError
        Most names that are stable ids are another species', or most names are spelt as
        symbols of mouse or rat and are not human ones.
    """
    columns = [column for column in ID_COLUMNS if hints is not None and column in hints]
    texts = [*names, *(str(value) for column in columns for value in hints[column])]  # type: ignore[index]
    votes = Counter(
        prefix
        for text in texts
        if (match := STABLE_ID.fullmatch(text))
        for prefix in match.groups()
        if prefix
    )
    if votes and votes.total() >= len(names) / 2:
        prefix, count = votes.most_common(1)[0]
        if prefix != "ENS":
            share = count / votes.total()
            name = SPECIES.get(prefix, f"ids that begin with {prefix}")
            found = f"{share:.0%} of the gene ids of {name}"
            raise _wrong(found)
        return
    rodent = sum(RODENT_SYMBOL.fullmatch(name) is not None for name in names) / len(names)
    if rodent > 0.5 and reference.share_known(names) < 0.5:
        examples = ", ".join(list(names)[:3])
        found = f"{rodent:.0%} of the gene names spelt as in mouse or rat, such as {examples}"
        raise _wrong(found)


def _wrong(found: str) -> GenesError:
    return GenesError(
        expected="human genes (Homo sapiens)",
        found=found,
        remedy="Deposit human cells, or map the genes to human orthologues first.",
    )
