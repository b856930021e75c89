"""The columns of ``obs`` that hold words, and which columns must be there."""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from genemamba.atlas.standards.cellxgene.deposit import SchemaDeposit
from genemamba.atlas.standards.cellxgene.ontology import Ontologies
from genemamba.atlas.standards.cellxgene.reporting import column, error, warning
from genemamba.findings import Finding

REQUIRED: Final = (
    "assay_ontology_term_id", "disease_ontology_term_id", "sex_ontology_term_id",
    "tissue_ontology_term_id", "self_reported_ethnicity_ontology_term_id",
    "development_stage_ontology_term_id", "is_primary_data", "donor_id", "suspension_type",
    "tissue_type",
)  # fmt: skip
"""Columns without which no deposit is accepted."""

ADVISED: Final = "cell_type_ontology_term_id"
"""Missing only where cells were not annotated yet (a pre-analysis deposit)."""

TISSUE_TYPES: Final = ("primary cell culture", "organoid", "tissue", "cell line")
"""Values of ``tissue_type``."""

SUSPENSIONS: Final = ("cell", "nucleus", "na")
"""Values of ``suspension_type``."""


class AssayGroup(NamedTuple):
    """Assays that take the same kinds of suspension."""

    at_or_below: frozenset[str]
    """These and their descendants."""
    exactly: frozenset[str]
    """These alone."""
    suspensions: tuple[str, ...]
    """What they take."""


ASSAY_GROUPS: Final = (
    AssayGroup(
        frozenset({"EFO:0030080", "EFO:0010184", "EFO:0010010", "EFO:0009919"}),
        frozenset({
            "EFO:0008722", "EFO:0008780", "EFO:0700010", "EFO:0700011", "EFO:0030060",
            "EFO:0022490", "EFO:0030028",
        }),
        ("cell", "nucleus"),
    ),
    AssayGroup(
        frozenset({"EFO:0007045", "EFO:0002761"}),
        frozenset({"EFO:0008720", "EFO:0030026"}),
        ("nucleus",),
    ),
    AssayGroup(
        frozenset({"EFO:0008919", "EFO:0008853", "EFO:0008953"}),
        frozenset({
            "EFO:0030002", "EFO:0008796", "EFO:0700003", "EFO:0700004", "EFO:0008679",
            "EFO:0008877",
        }),
        ("cell",),
    ),
    AssayGroup(frozenset({"EFO:0008994"}), frozenset({"EFO:0008992"}), ("na",)),
)  # fmt: skip
"""Assays whose suspension the schema states."""


def check_obs(deposit: SchemaDeposit, ontologies: Ontologies) -> Iterator[Finding]:
    """Check the columns of cells that hold no ontology terms."""
    obs = deposit.obs
    for name in REQUIRED:
        if name not in obs:
            yield error(column(name), "missing", "is missing.")
    if ADVISED not in obs:
        yield warning(column(ADVISED), "missing", "is missing, as only before analysis it may be.")
    if "is_primary_data" in obs and obs["is_primary_data"].dtype != bool:
        found = obs["is_primary_data"].dtype
        yield error(column("is_primary_data"), "type", f"must be boolean, not {found}.")
    if "tissue_type" in obs:
        yield from check_words("tissue_type", obs["tissue_type"], TISSUE_TYPES)
    if "donor_id" in obs:
        yield from _check_donors(deposit)
    if "suspension_type" in obs:
        yield from _check_suspensions(deposit, ontologies)
    name = "experimental_condition_ontology_term_id"
    if name in obs and (deposit.strings(name) == "na").all():
        message = "is 'na' for all cells, and must not be there then."
        yield error(column(name), "all-na", message, remedy="Remove it.")


def check_words(
    name: str, values: pd.Series, allowed: tuple[str, ...] | None, *, when: str = ""
) -> Iterator[Finding]:
    """Check a categorical column.

    Parameters
    ----------
    name
        Its name in ``obs``.
    values
        Some or all of its cells.
    allowed
        What they may be; anything that is not empty where None.
    when
        In words, which cells, with a space before.
    """
    place = column(name)
    if not isinstance(values.dtype, pd.CategoricalDtype):
        yield error(place, "type", f"must be categorical, not {values.dtype}.")
    elif allowed is None:
        categories = values.cat.categories
        if not all(isinstance(category, str) for category in categories):
            yield error(place, "type", f"must hold text, not {categories.dtype}.")
        elif any(not category.strip() for category in categories):
            yield error(place, "empty", "has an empty text among its categories.")
        missing = int(values.isna().sum())
        if missing:
            yield error(place, "nan", f"has no value for {missing} cells.", count=missing)
    if allowed is not None:
        wrong = values[~values.astype(object).isin(allowed)]
        if len(wrong):
            examples = wrong.astype(object).unique()
            message = f"must be {' or '.join(map(repr, allowed))}{when}, not {examples[0]!r}."
            yield error(place, "value", message, count=len(wrong), examples=examples)


def _check_donors(deposit: SchemaDeposit) -> Iterator[Finding]:
    donors = deposit.obs["donor_id"]
    lines = np.zeros(len(donors), dtype=bool)
    if "tissue_type" in deposit.obs:
        lines = np.asarray(deposit.strings("tissue_type") == "cell line", dtype=bool)
    if lines.any():
        yield from check_words("donor_id", donors[lines], ("na",), when=" for cell lines")
    if not lines.all():
        yield from check_words("donor_id", donors[~lines], None)
        nameless = int((donors[~lines].astype(object) == "na").sum())
        if nameless:
            message = f"is 'na' for {nameless} cells that are no cell line."
            yield error(column("donor_id"), "value", message, count=nameless, examples=["na"])


def _check_suspensions(deposit: SchemaDeposit, ontologies: Ontologies) -> Iterator[Finding]:
    values = deposit.obs["suspension_type"]
    assays = deposit.strings("assay_ontology_term_id")
    free = np.ones(len(values), dtype=bool)
    for group in ASSAY_GROUPS if len(assays) else ():
        members = [
            assay
            for assay in assays.dropna().unique()
            if assay in group.exactly or ontologies.descends(assay, group.at_or_below, or_is=True)
        ]
        rows = np.asarray(assays.isin(members), dtype=bool)
        free &= ~rows
        if rows.any():
            when = f" for the assay {members[0]}"
            yield from check_words("suspension_type", values[rows], group.suspensions, when=when)
    if free.any():
        message = f"is of an assay that the schema does not name, in {int(free.sum())} cells."
        yield warning(column("suspension_type"), "assay", message, count=int(free.sum()))
        yield from check_words("suspension_type", values[free], SUSPENSIONS)
