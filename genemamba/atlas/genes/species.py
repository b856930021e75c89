"""Which species a deposit's genes are of, told from their names."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

import pandas as pd

from genemamba.atlas.genes.mapping import ID_COLUMNS
from genemamba.atlas.genes.names import HUMAN_GENOME, VIRUS_PREFIX, stable_id
from genemamba.atlas.genes.reference import GeneReference
from genemamba.errors import GenesError

HUMAN: Final = "ENS"
"""Prefix of human Ensembl ids."""

SPECIES: Final = {
    HUMAN: "human (Homo sapiens)",
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
    VIRUS_PREFIX: "SARS-CoV-2",
    "FBgn": "fruit fly (Drosophila melanogaster)",
    "WBGene": "roundworm (Caenorhabditis elegans)",
}
"""Prefixes of stable ids (Ensembl, FlyBase, WormBase)."""

OTHER_ID: Final = re.compile(r"(FBgn|WBGene)\d+")
"""A stable id that is not Ensembl's; the group holds its prefix."""

OTHER_GENOME: Final = re.compile(
    r"(?:(mm\d+|GRCm3[89])|(rn\d+|Rnor\d*|mRatBN7))_+\S", re.IGNORECASE
)
"""A genome in front of a name, of mouse or of rat."""

RODENT_SYMBOL: Final = re.compile(r"[A-Z][a-z][A-Za-z0-9.-]*|mt-[A-Z][A-Za-z0-9]*")
"""Mouse and rat symbols are capitalised (MGI and RGD guidelines: Actb), human ones upper case."""

MIXTURE: Final = 0.01
"""Share of a deposit's genes with ids of a second species from which it is a mixture."""

SYMBOL_MIXTURE: Final = 0.1
"""The same where only symbols tell: how they are spelt says less than an id."""


def refuse_other_species(
    names: Sequence[str], *, reference: GeneReference, hints: pd.DataFrame | None = None
) -> None:
    """Refuse genes that are not human, or not human alone.

    Every gene with a stable id, or with a genome in front of its name, has one vote. Genes of
    SARS-CoV-2 make no mixture, as infected human cells have them.

    Parameters
    ----------
    names
        Names of the genes in the deposit.
    reference
        The human genes.
    hints
        The deposit's ``var``; a gene without a stable id as its name votes by its columns of
        Ensembl ids.

    Raises
    ------
    GenesError
        Two species have a share of at least `MIXTURE` of the genes each; or most genes have the
        id of another species; or most names are spelt as symbols of mouse or rat and are not
        human ones, or `SYMBOL_MIXTURE` are and as many are human.
    """
    if not len(names):
        return
    votes = count_species(names, hints=hints)
    _refuse_mixture(votes, n_genes=len(names))
    if votes.total() >= len(names) / 2:
        prefix, count = votes.most_common(1)[0]
        if prefix != HUMAN:
            found = f"{count / votes.total():.0%} of the gene ids of {_species(prefix)}"
            raise _wrong(found, count=count)
        return
    _refuse_rodent_symbols(names, reference)


def count_species(names: Sequence[str], *, hints: pd.DataFrame | None = None) -> Counter[str]:
    """Count the genes of each species by prefix of the stable id; see `SPECIES`.

    Parameters
    ----------
    names
        Names of the genes in the deposit.
    hints
        The deposit's ``var``.
    """
    columns = [column for column in ID_COLUMNS if hints is not None and column in hints]
    texts = [names, *(hints[column].astype(str) for column in columns)]  # type: ignore[index]
    votes = (
        next((prefix for text in spellings if (prefix := _prefix(text))), "")
        for spellings in zip(*texts, strict=True)
    )
    return Counter(prefix for prefix in votes if prefix)


def _prefix(name: str) -> str:
    """Return the prefix of the species that a name tells, empty where it tells none."""
    stable = stable_id(name)
    genome = None if stable else HUMAN_GENOME.match(name)
    if genome:
        stable = stable_id(name[genome.end() :])
    if stable:
        return stable.species
    if genome:
        return HUMAN
    other = OTHER_ID.fullmatch(name)
    if other:
        return other[1]
    rodent = OTHER_GENOME.match(name)
    return ("ENSMUS" if rodent[1] else "ENSRNO") if rodent else ""


def _refuse_mixture(votes: Counter[str], *, n_genes: int) -> None:
    species = [
        (prefix, count)
        for prefix, count in votes.most_common()
        if count >= MIXTURE * n_genes and prefix != VIRUS_PREFIX
    ]
    if len(species) < 2:
        return
    counts = ", ".join(f"{count} of {_species(prefix)}" for prefix, count in species)
    found = f"a mixture of species: {counts}"
    raise _mixed(found, count=sum(count for _, count in species[1:]))


def _refuse_rodent_symbols(names: Sequence[str], reference: GeneReference) -> None:
    rodent = [name for name in names if RODENT_SYMBOL.fullmatch(name)]
    # In capitals, most rodent symbols are human ones; peaks and other features are not.
    orthologues = [name for name in rodent if reference.match(name.upper()).ensembl_id]
    known = reference.share_known(names)
    examples = rodent[:3]
    if len(rodent) / len(names) > 0.5 and known < 0.5:
        found = (
            f"{len(rodent) / len(names):.0%} of the gene names spelt as in mouse or rat, "
            f"such as {', '.join(examples)}"
        )
        raise _wrong(found, count=len(rodent), examples=examples)
    if min(len(orthologues) / len(names), known) >= SYMBOL_MIXTURE:
        found = (
            f"a mixture of species: {round(known * len(names))} human symbols, and "
            f"{len(orthologues)} spelt as in mouse or rat, such as {', '.join(examples)}"
        )
        raise _mixed(found, count=len(orthologues), examples=examples)


def _species(prefix: str) -> str:
    return SPECIES.get(prefix, f"ids that begin with {prefix}")


def _wrong(found: str, *, count: int, examples: Sequence[str] = ()) -> GenesError:
    return GenesError(
        expected="human genes (Homo sapiens)",
        found=found,
        remedy="Deposit human cells, or map the genes to human orthologues first.",
        rule="genes-species",
        count=count,
        examples=examples,
    )


def _mixed(found: str, *, count: int, examples: Sequence[str] = ()) -> GenesError:
    return GenesError(
        expected="human genes (Homo sapiens) alone",
        found=found,
        remedy="Name the genome to keep, such as --genome GRCh38, or deposit the human cells "
        "and genes alone.",
        rule="genes-mixture",
        count=count,
        examples=examples,
    )
