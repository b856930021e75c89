"""Which rule holds for which cells, in the columns of ontology terms of ``obs``."""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from genemamba.atlas.standards.cellxgene import fields
from genemamba.atlas.standards.cellxgene.deposit import SchemaDeposit
from genemamba.atlas.standards.cellxgene.ontology import Ontologies
from genemamba.atlas.standards.cellxgene.reporting import column, error
from genemamba.atlas.standards.cellxgene.terms import TermRule
from genemamba.findings import Finding

ORGANISM_PREFIXES: Final = {fields.WORM: "WBbt", fields.ZEBRAFISH: "ZFA", fields.FLY: "FBbt"}
"""Anatomy of organisms that have an ontology of their own."""


class Case(NamedTuple):
    """A rule for some of the cells."""

    rows: np.ndarray
    """Which ones, bool, shape ``(n_obs,)``."""
    rule: TermRule
    """What their values may be."""
    when: str = ""
    """In words, which ones."""


def check_terms(deposit: SchemaDeposit, ontologies: Ontologies) -> Iterator[Finding]:
    """Check every column of ontology terms that a deposit has."""
    cases = {
        name: list(make(deposit, ontologies))
        for name, make in COLUMNS.items()
        if name in deposit.obs
    }
    ontologies.look_up(_terms_of(deposit, cases))
    for name, listed in cases.items():
        missing = int(deposit.obs[name].isna().sum())
        if missing:
            yield error(column(name), "nan", f"has no value for {missing} cells.", count=missing)
        for case in listed:
            yield from _check_case(name, deposit.strings(name)[case.rows], case, ontologies)
    yield from _check_prefixes(deposit)


def _terms_of(deposit: SchemaDeposit, cases: dict[str, list[Case]]) -> set[str]:
    return {
        term
        for name, listed in cases.items()
        for value in deposit.strings(name).dropna().unique()
        if isinstance(value, str)
        for case in listed
        for term in case.rule.bare(value)
    }


def _check_case(
    name: str, values: pd.Series, case: Case, ontologies: Ontologies
) -> Iterator[Finding]:
    tally = values.dropna().value_counts()
    faults = {value: case.rule.fault(value, ontologies) for value in tally.index}
    wrong = {value: fault for value, fault in faults.items() if fault}
    if wrong:
        value, fault = next(iter(wrong.items()))
        count = int(sum(tally[value] for value in wrong))
        message = f"is not allowed for {count} cells{case.when}: {value!r} {fault}."
        yield error(column(name), "term", message, count=count, examples=wrong)


def _everywhere(rule: TermRule) -> Callable[[SchemaDeposit, Ontologies], Iterator[Case]]:
    def cases(deposit: SchemaDeposit, _: Ontologies) -> Iterator[Case]:
        yield Case(np.ones(len(deposit.obs), dtype=bool), rule)

    return cases


def _lines(deposit: SchemaDeposit) -> np.ndarray | None:
    if "tissue_type" not in deposit.obs:
        return None
    return np.asarray(deposit.strings("tissue_type") == "cell line", dtype=bool)


def _cell_type(deposit: SchemaDeposit, _: Ontologies) -> Iterator[Case]:
    lines = _lines(deposit)
    if lines is None:
        lines = np.zeros(len(deposit.obs), dtype=bool)
    yield Case(~lines, fields.CELL_TYPE)
    yield Case(lines, fields.CELL_TYPE.with_words("unknown", "na"), " of cell lines")


def _sex(deposit: SchemaDeposit, _: Ontologies) -> Iterator[Case]:
    everyone = np.ones(len(deposit.obs), dtype=bool)
    if "organism_ontology_term_id" in deposit.uns:
        worm = deposit.organism == fields.WORM
        yield Case(everyone, fields.WORM_SEX if worm else fields.SEX.with_words("unknown", "na"))
    lines = _lines(deposit)
    if lines is not None:
        yield Case(lines, fields.NA, " of cell lines")
        yield Case(~lines, fields.SEX, " that are no cell line")


def _tissue(deposit: SchemaDeposit, _: Ontologies) -> Iterator[Case]:
    if "tissue_type" in deposit.obs:
        kinds = deposit.strings("tissue_type")
        for kind, rule in fields.TISSUES.items():
            rows = np.asarray(kinds == kind, dtype=bool)
            yield Case(rows, rule, f" of tissue_type {kind!r}")


def _ethnicity(deposit: SchemaDeposit, _: Ontologies) -> Iterator[Case]:
    everyone, lines = np.ones(len(deposit.obs), dtype=bool), _lines(deposit)
    told = "organism_ontology_term_id" in deposit.uns
    human = not told or deposit.organism == fields.HUMAN
    if human and (told or lines is not None):
        rows = everyone if lines is None else ~lines
        yield Case(rows, fields.ETHNICITY, " of humans that are no cell line")
    if not human:
        yield Case(everyone, fields.NA, " that are not human")
    if lines is not None:
        yield Case(lines, fields.NA, " of cell lines")


def _stage(deposit: SchemaDeposit, ontologies: Ontologies) -> Iterator[Case]:
    lines, organism = _lines(deposit), deposit.organism
    if organism is not None:
        known = organism if organism in fields.ORGANISMS.terms else _species(organism, ontologies)
        rule = fields.STAGES.get(known, fields.OTHER_STAGE)
        yield Case(np.ones(len(deposit.obs), dtype=bool), rule, f" of {organism}")
    if lines is not None:
        yield Case(lines, fields.NA, " of cell lines")
        yield Case(~lines, fields.ANY_STAGE, " that are no cell line")


def _species(organism: str, ontologies: Ontologies) -> str:
    """Return the mouse for its strains; they alone have a stage rule of their own."""
    return fields.MOUSE if ontologies.descends(organism, {fields.MOUSE}) else organism


def _check_prefixes(deposit: SchemaDeposit) -> Iterator[Finding]:
    """Check that terms are of the organism's own ontology, or of one that every organism has."""
    if "tissue_type" not in deposit.obs or "organism_ontology_term_id" not in deposit.uns:
        return
    own = ORGANISM_PREFIXES.get(deposit.organism or "", "CL")
    kinds = deposit.strings("tissue_type").to_numpy()
    lines, cultures = kinds == "cell line", kinds == "primary cell culture"
    if "cell_type_ontology_term_id" in deposit.obs:
        types = deposit.strings("cell_type_ontology_term_id")
        free = types.isin(["unknown", "na"]).to_numpy()
        yield from _foreign("cell_type_ontology_term_id", types[~free], ("CL", own))
        na = int((lines & (types == "na").to_numpy()).sum())
        if 0 < na < int(lines.sum()):
            message = f"is 'na' for {na} of {int(lines.sum())} cells of cell lines, not for all."
            yield error(column("cell_type_ontology_term_id"), "mixed-na", message, count=na)
    if "tissue_ontology_term_id" in deposit.obs:
        tissues = deposit.strings("tissue_ontology_term_id")
        known = (tissues != "unknown").to_numpy()
        anatomy = ORGANISM_PREFIXES.get(deposit.organism or "", "UBERON")
        yield from _foreign("tissue_ontology_term_id", tissues[cultures & known], ("CL", own))
        rest = ~cultures & ~lines
        yield from _foreign("tissue_ontology_term_id", tissues[rest], ("UBERON", anatomy))


def _foreign(name: str, values: pd.Series, prefixes: tuple[str, str]) -> Iterator[Finding]:
    texts = values.dropna().astype(str)
    foreign = texts[~texts.str.startswith(prefixes)]
    if len(foreign):
        ontologies = " or ".join(dict.fromkeys(prefixes))
        message = f"must be a term of {ontologies} for the organism, not {foreign.iloc[0]!r}."
        yield error(
            column(name), "organism", message, count=len(foreign), examples=foreign.unique()
        )


COLUMNS: Final[dict[str, Callable[[SchemaDeposit, Ontologies], Iterator[Case]]]] = {
    "cell_type_ontology_term_id": _cell_type,
    "assay_ontology_term_id": _everywhere(fields.ASSAY),
    "disease_ontology_term_id": _everywhere(fields.DISEASE),
    "sex_ontology_term_id": _sex,
    "tissue_ontology_term_id": _tissue,
    "self_reported_ethnicity_ontology_term_id": _ethnicity,
    "development_stage_ontology_term_id": _stage,
    "experimental_condition_ontology_term_id": _everywhere(fields.CONDITION),
}
"""How each column is checked."""
