"""Genetic perturbations: the guides in ``uns``, and the cells in ``obs`` that got them."""

import re
from collections.abc import Iterator
from typing import Any, Final

from genemamba.atlas.standards.cellxgene.deposit import SchemaDeposit
from genemamba.atlas.standards.cellxgene.fields import HUMAN, MOUSE, ZEBRAFISH
from genemamba.atlas.standards.cellxgene.obs import check_words
from genemamba.atlas.standards.cellxgene.ontology import Ontologies
from genemamba.atlas.standards.cellxgene.reporting import column, error, warning
from genemamba.atlas.standards.cellxgene.terms import SEPARATOR
from genemamba.atlas.standards.cellxgene.uns import check_text
from genemamba.atlas.standards.cellxgene.var import check_features
from genemamba.findings import Finding

KEY: Final = "genetic_perturbations"
"""Key of ``uns`` that holds the guides."""
ID: Final = "genetic_perturbation_id"
"""Column of ``obs``: the guides of a cell, or ``na``."""
STRATEGY: Final = "genetic_perturbation_strategy"
"""Column of ``obs``: what they were to do."""

GUIDE_ID: Final = re.compile(r"[^\s/,\"']+$")
"""A guide's key: no white space, slash, comma or quote."""

STRATEGIES: Final = (
    "control", "CRISPR activation screen", "CRISPR interference screen",
    "CRISPR knockout mutant", "CRISPR knockout screen",
)  # fmt: skip
"""Of cells that were perturbed."""

FIELDS: Final = {
    "role": re.compile("control|targeting"),
    "protospacer_sequence": re.compile("[ACGT]{14,22}"),
    "protospacer_adjacent_motif": re.compile("3' [ABCDGHKMNRSTVWY]+"),
}
"""What a guide must say, and how."""

DERIVED: Final = ("derived_genomic_regions", "derived_features")
"""What CELLxGENE Discover adds to a guide."""


def check_perturbations(deposit: SchemaDeposit, ontologies: Ontologies) -> Iterator[Finding]:
    """Check guides and cells, and that they name each other."""
    obs = deposit.obs
    if KEY in deposit.uns:
        guides = deposit.uns[KEY]
        if not isinstance(guides, dict):
            yield error(_place(), "type", f"must be a dictionary, not {type(guides).__name__}.")
            guides = {}
        yield from _check_guides(guides, deposit, ontologies)
        for name in (ID, STRATEGY):
            if name not in obs:
                yield error(column(name), "missing", f"is missing, while uns has {KEY!r}.")
        if ID in obs and STRATEGY in obs:
            yield from _check_pairs(deposit, guides)
    elif ID in obs:
        yield error(column(ID), "no-guides", f'needs the guides in uns["{KEY}"].')
    if ID in obs and deposit.organism in (HUMAN, MOUSE, ZEBRAFISH):
        yield from check_words(ID, obs[ID], None)
    yield from _check_strategies(deposit)


def _place(*keys: str) -> str:
    return f'uns["{KEY}"]' + "".join(f'["{key}"]' for key in keys)


def _check_guides(
    guides: dict[str, Any], deposit: SchemaDeposit, ontologies: Ontologies
) -> Iterator[Finding]:
    if "na" in guides:
        yield error(_place("na"), "reserved", "stands for no perturbation, and is no guide.")
    for name, guide in guides.items():
        if not GUIDE_ID.match(name):
            # Cells cannot name it either, which is where it becomes an error.
            yield warning(_place(name), "id", "is no id of a guide, and is not checked.")
        elif not isinstance(guide, dict):
            yield error(_place(name), "type", f"must be a dictionary, not {type(guide).__name__}.")
        else:
            yield from _check_guide(name, guide)
            yield from _check_targets(name, guide, deposit, ontologies)


def _check_guide(name: str, guide: dict[str, Any]) -> Iterator[Finding]:
    for field, form in FIELDS.items():
        place = _place(name, field)
        if field not in guide:
            yield error(place, "missing", "is missing.")
            continue
        value = guide[field]
        faults = list(check_text(place, value))
        yield from faults
        if not faults and not form.fullmatch(value):
            yield error(place, "value", f"is {value!r}, which is not spelt {form.pattern}.")
    for field in guide:
        if field in DERIVED:
            message = "is written by CELLxGENE Discover, and must not be there before."
            yield error(_place(name, field), "reserved", message, remedy="Remove it.")
        elif field not in FIELDS and field != "intended_features":
            yield error(_place(name, field), "unexpected", "is no field of a guide.")


def _check_targets(
    name: str, guide: dict[str, Any], deposit: SchemaDeposit, ontologies: Ontologies
) -> Iterator[Finding]:
    targets, place = guide.get("intended_features", {}), _place(name, "intended_features")
    if not isinstance(targets, dict):
        yield error(place, "type", f"must be a dictionary, not {type(targets).__name__}.")
        return
    for value in targets.values():
        yield from check_text(place, value)
    yield from check_features(place, targets, deposit, ontologies)


def _check_pairs(deposit: SchemaDeposit, guides: dict[str, Any]) -> Iterator[Finding]:
    pairs = deposit.obs[[ID, STRATEGY]].astype(object).drop_duplicates()
    for ids, strategy in pairs.itertuples(index=False):
        if ids == "na":
            continue
        parts = str(ids).split(SEPARATOR)
        if parts != sorted(parts):
            yield error(column(ID), "order", f"{ids!r} is not in ascending lexical order.")
        if len(set(parts)) != len(parts):
            yield error(column(ID), "doubled", f"{ids!r} names a guide twice.")
        for part in parts:
            if part not in guides:
                yield error(column(ID), "guide", f"names {part!r}, no guide in uns.")
        if strategy == "no perturbations":
            yield error(column(STRATEGY), "value", f"is 'no perturbations' for {ids!r}.")
        roles = [guides[part].get("role") for part in parts if isinstance(guides.get(part), dict)]
        if strategy == "control" and set(roles) != {"control"}:
            yield error(column(STRATEGY), "role", f"is 'control' for {ids!r}, which is not.")


def _check_strategies(deposit: SchemaDeposit) -> Iterator[Finding]:
    if STRATEGY not in deposit.obs:
        if ID in deposit.obs and KEY not in deposit.uns:
            yield error(column(STRATEGY), "missing", f"is missing, while there is {ID!r}.")
        return
    values = deposit.obs[STRATEGY]
    if ID not in deposit.obs:
        yield error(column(STRATEGY), "no-ids", f"must not be there without {ID!r}.")
        return
    untouched = (deposit.strings(ID) == "na").to_numpy()
    if untouched.any():
        words, when = ("no perturbations",), " without a guide"
        yield from check_words(STRATEGY, values[untouched], words, when=when)
    if not untouched.all():
        yield from check_words(STRATEGY, values[~untouched], STRATEGIES, when=" with a guide")
