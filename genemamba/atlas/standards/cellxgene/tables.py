"""Rules that hold for every table: reserved names, mixed types, names that are unique."""

from collections.abc import Iterator
from typing import Any, Final

import pandas as pd

from genemamba.atlas.standards.cellxgene.deposit import SchemaDeposit
from genemamba.atlas.standards.cellxgene.reporting import column, error, warning
from genemamba.findings import Finding

LABELS: Final = (
    "cell_type", "assay", "disease", "sex", "tissue", "self_reported_ethnicity",
    "development_stage", "experimental_condition", "perturbation_types", "observation_joinid",
)  # fmt: skip
"""Columns of ``obs`` that CELLxGENE Discover writes."""

GENE_LABELS: Final = (
    "feature_name", "feature_reference", "feature_biotype", "feature_length", "feature_type",
)  # fmt: skip
"""Columns of ``var`` that it writes."""

KEYS: Final = ("schema_version", "schema_reference", "citation", "is_pre_analysis", "organism")
"""Keys of ``uns`` that it writes."""

DEPRECATED: Final = {
    "obs": (
        "ethnicity", "ethnicity_ontology_term_id", "organism", "organism_ontology_term_id",
    ),
    "uns": (
        "X_normalization", "default_field", "layer_descriptions", "tags", "version",
        "contributors", "preprint_doi", "project_description", "project_links", "project_name",
        "publication_doi",
    ),
}  # fmt: skip
"""Names that earlier versions of the schema used."""


def check_tables(deposit: SchemaDeposit) -> Iterator[Finding]:
    """Check the names and the types of everything that a deposit holds."""
    tables = {"obs": deposit.obs, "var": deposit.var}
    if deposit.raw_var is not None:
        tables["raw.var"] = deposit.raw_var
    names: dict[str, list[Any]] = {name: list(table.columns) for name, table in tables.items()}
    names["uns"] = list(deposit.uns)
    names |= {name: list(arrays) for name, arrays in deposit.arrays.items()}
    for place, listed in names.items():
        yield from _check_names(place, listed)
    for name, table in tables.items():
        yield from _check_table(name, table)


def _check_names(place: str, names: list[Any]) -> Iterator[Finding]:
    reserved = {"obs": LABELS, "uns": KEYS, "var": GENE_LABELS}
    reserved["raw.var"] = ("feature_is_filtered", *GENE_LABELS)
    for name in names:
        if str(name).startswith("__"):
            yield error(column(name, table=place), "reserved", "begins with two underscores.")
        if name in reserved.get(place, ()):
            message = "is written by CELLxGENE Discover, and must not be there before."
            yield error(column(name, table=place), "reserved", message, remedy="Remove it.")
        if name in DEPRECATED.get(place, ()):
            yield error(
                column(name, table=place), "deprecated", "is deprecated.", remedy="Remove it."
            )
    for name in {name for name in names if names.count(name) > 1}:
        yield error(column(name, table=place), "doubled", "is there more than once.")


def _check_table(place: str, table: pd.DataFrame) -> Iterator[Finding]:
    doubled = table.index[table.index.duplicated()]
    if len(doubled):
        message = f"holds {len(doubled)} names more than once."
        yield error(f"{place}.index", "doubled", message, count=len(doubled), examples=doubled)
    for name in dict.fromkeys(table.columns):
        values = table[name]
        if isinstance(values, pd.DataFrame):
            continue  # told above, as doubled
        if isinstance(values.dtype, pd.CategoricalDtype):
            yield from _check_categories(column(name, table=place), values, unused=place == "obs")
        elif len(kinds := _kinds(values)) != 1:
            message = f"mixes the types {', '.join(sorted(kinds)) or '(none)'}."
            yield error(column(name, table=place), "mixed-types", message, examples=sorted(kinds))


def _check_categories(place: str, values: pd.Series, *, unused: bool) -> Iterator[Finding]:
    categories = values.cat.categories
    kinds = {type(category).__name__ for category in categories.to_numpy()}
    if len(kinds) > 1 or "bool" in kinds:
        message = f"has categories of the types {', '.join(sorted(kinds))}, not of text alone."
        yield error(place, "mixed-types", message, examples=sorted(kinds))
    empty = categories[~categories.isin(values.unique())]
    if unused and len(empty):
        message = f"has {len(empty)} categories without a cell."
        yield warning(place, "unused-categories", message, count=len(empty), examples=empty)


def _kinds(values: pd.Series) -> set[str]:
    if values.dtype.kind in "biufcmM" and len(values) and not hasattr(values.array, "_mask"):
        return {str(values.dtype)}
    return {type(value).__name__ for value in values.array}
