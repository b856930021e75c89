"""The genes of ``var`` and ``raw.var``: ids that exist, of the organism that the deposit names."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

from genemamba.atlas.genes.tables import load_reference
from genemamba.atlas.standards.cellxgene.deposit import SchemaDeposit
from genemamba.atlas.standards.cellxgene.fields import HUMAN, ORGANISMS
from genemamba.atlas.standards.cellxgene.ontology import Ontologies
from genemamba.atlas.standards.cellxgene.reporting import column, error, note, warning
from genemamba.findings import Finding

FEW_GENES: Final = 20_000
"""Fewer genes than this were filtered, which the schema advises against."""

PATTERNS: Final = {
    "NCBITaxon:10090": r"ENSMUSG\d{11}",
    "NCBITaxon:7227": r"FB(gn|ti|tr)\d{7}(_df_nrg)?|RR\d+_transposable_element",
    "NCBITaxon:7955": r"ENSDARG\d{11}",
    "NCBITaxon:6239": r"WBGene\d{8}",
    "NCBITaxon:9541": r"ENSMFAG\d{11}",
    "NCBITaxon:9986": r"ENSOCUG\d{11}",
    "NCBITaxon:9483": r"ENSCJAG\d{11}",
    "NCBITaxon:9595": r"ENSGGOG\d{11}",
    "NCBITaxon:9544": r"ENSMMUG\d{11}",
    "NCBITaxon:9598": r"ENSPTRG\d{11}",
    "NCBITaxon:9823": r"ENSSSCG\d{11}",
    "NCBITaxon:30608": r"ENSMICG\d{11}",
    "NCBITaxon:10116": r"ENSRNOG\d{11}",
}
"""How the gene ids of organisms other than human are spelt (Ensembl, FlyBase, WormBase); the
package carries no list of them."""

VIRUS: Final = re.compile(r"ENSSASG000050000(0[2-9]|1[0-3])")
"""The twelve genes of SARS-CoV-2 (Ensembl release 101)."""

SPIKE_INS: Final = frozenset(
    f"ERCC-{number:05d}"
    for number in (
        2, 3, 4, 9, 12, 13, 14, 16, 17, 19, 22, 24, 25, 28, 31, 33, 34, 35, 39, 40, 41, 42, 43, 44,
        46, 48, 51, 53, 54, 57, 58, 59, 60, 61, 62, 67, 69, 71, 73, 74, 75, 76, 77, 78, 79, 81, 83,
        84, 85, 86, 92, 95, 96, 97, 98, 99, 104, 108, 109, 111, 112, 113, 116, 117, 120, 123, 126,
        130, 131, 134, 136, 137, 138, 142, 143, 144, 145, 147, 148, 150, 154, 156, 157, 158, 160,
        162, 163, 164, 165, 168, 170, 171,
    )
)  # fmt: skip
"""The 92 controls of the ERCC mix (NIST SRM 2374; Thermo Fisher 4456740)."""

ANYWHERE: Final = "anywhere"
"""Instead of an organism: features that may be among the genes of every one."""


def check_var(deposit: SchemaDeposit, ontologies: Ontologies) -> Iterator[Finding]:
    """Check the tables of genes."""
    tables = {"var": deposit.var}
    if deposit.raw_var is not None:
        tables["raw.var"] = deposit.raw_var
    for name, table in tables.items():
        yield from check_features(f"{name}.index", table.index, deposit, ontologies)
    if len(deposit.var) < FEW_GENES:
        message = f"has {len(deposit.var)} genes; no gene should be left out of a deposit."
        yield warning("var", "few-genes", message, count=len(deposit.var))
    yield from _check_filtered(deposit)


def check_features(
    place: str, names: Iterable[object], deposit: SchemaDeposit, ontologies: Ontologies
) -> Iterator[Finding]:
    """Check that ids are of known genes, and of the deposit's organism.

    Parameters
    ----------
    place
        Where they are.
    names
        The ids.
    deposit
        Says its organism.
    ontologies
        Say which organisms are strains of others.
    """
    by_organism: dict[str | None, list[str]] = defaultdict(list)
    for name in names:
        by_organism[_organism_of(str(name))].append(str(name))
    unknown = by_organism.pop(None, [])
    if unknown:
        message = f"holds {len(unknown)} ids of no known gene, such as {unknown[0]!r}."
        yield error(place, "gene", message, count=len(unknown), examples=unknown)
    unlisted = sum(len(ids) for organism, ids in by_organism.items() if organism in PATTERNS)
    if unlisted:
        message = f"holds {unlisted} ids that were checked by their spelling alone."
        yield note(place, "spelling-only", message, count=unlisted)
    if deposit.organism is None:
        return
    for organism, ids in by_organism.items():
        own = organism in (ANYWHERE, deposit.organism)
        strain = deposit.organism not in ORGANISMS.terms
        if not own and not (strain and ontologies.descends(deposit.organism, {str(organism)})):
            message = f"holds {len(ids)} genes of {organism}, while the organism is "
            message += f"{deposit.organism}."
            yield error(place, "organism", message, count=len(ids), examples=ids)


def _organism_of(name: str) -> str | None:
    if name in load_reference().symbols:
        return HUMAN
    if name in SPIKE_INS or VIRUS.fullmatch(name):
        return ANYWHERE
    spelt = (organism for organism, form in PATTERNS.items() if re.fullmatch(form, name))
    return next(spelt, None)


def _check_filtered(deposit: SchemaDeposit) -> Iterator[Finding]:
    place = column("feature_is_filtered", table="var")
    if "feature_is_filtered" not in deposit.var:
        yield error(place, "missing", "is missing.")
        return
    values = deposit.var["feature_is_filtered"]
    if values.dtype != bool:
        yield error(place, "type", f"must be boolean, not {values.dtype}.")
    elif deposit.raw_var is None and values.any():
        count = int(values.sum())
        message = f"is True for {count} genes, while there is no raw they were filtered from."
        yield error(place, "no-raw", message, count=count, examples=values.index[values])
