"""What a deposit says about itself in ``uns``."""

import numbers
import re
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pandas as pd

from genemamba.atlas.standards.cellxgene.deposit import SchemaDeposit
from genemamba.atlas.standards.cellxgene.fields import ORGANISMS
from genemamba.atlas.standards.cellxgene.ontology import Ontologies
from genemamba.atlas.standards.cellxgene.reporting import column, error
from genemamba.findings import Finding

DISTRIBUTIONS: Final = ("count", "normal")
"""Values of ``X_approximate_distribution``."""

HEX_COLOR: Final = re.compile(r"#[0-9a-fA-F]{6}$")
"""A colour by its red, green and blue."""


def check_uns(deposit: SchemaDeposit, ontologies: Ontologies) -> Iterator[Finding]:
    """Check the keys that the schema names, and that no other one is empty."""
    uns = deposit.uns
    yield from _check_organism(uns, ontologies)
    if "title" not in uns:
        yield error(_key("title"), "missing", "is missing.")
    for name in ("title", "default_embedding", "X_approximate_distribution"):
        if name in uns:
            yield from check_text(_key(name), uns[name])
    embedding = uns.get("default_embedding")
    if isinstance(embedding, str) and embedding not in deposit.arrays["obsm"]:
        yield error(_key("default_embedding"), "value", f"is {embedding!r}, no key of obsm.")
    distribution = uns.get("X_approximate_distribution")
    if isinstance(distribution, str) and distribution not in DISTRIBUTIONS:
        message = f"is {distribution!r}, not {' or '.join(DISTRIBUTIONS)}."
        yield error(_key("X_approximate_distribution"), "value", message)
    if "batch_condition" in uns:
        yield from _check_batches(uns["batch_condition"], deposit.obs)
    for name, value in uns.items():
        if _is_empty(value):
            yield error(_key(name), "empty", "is empty.", remedy="Fill it, or remove it.")
        if name.endswith("_colors"):
            yield from _check_colors(name, value, deposit.obs)


def check_text(place: str, value: object) -> Iterator[Finding]:
    """Check that a value is text without needless spaces."""
    if not isinstance(value, str):
        yield error(place, "type", f"must be text, not {type(value).__name__}.")
    elif value != " ".join(value.split()):
        yield error(place, "spaces", f"has leading, trailing or double spaces: {value!r}.")


def _key(name: str) -> str:
    return column(name, table="uns")


def _check_organism(uns: dict[str, Any], ontologies: Ontologies) -> Iterator[Finding]:
    place = _key("organism_ontology_term_id")
    if "organism_ontology_term_id" not in uns:
        yield error(place, "missing", "is missing.")
        return
    fault = ORGANISMS.fault(uns["organism_ontology_term_id"], ontologies)
    if fault:
        yield error(place, "term", f"is {uns['organism_ontology_term_id']!r}, which {fault}.")


def _check_batches(value: object, obs: pd.DataFrame) -> Iterator[Finding]:
    place = _key("batch_condition")
    if not isinstance(value, (list, np.ndarray)):
        yield error(place, "type", f"must be a list, not {type(value).__name__}.")
        return
    absent = [name for name in value if name not in obs.columns]
    if absent:
        message = f"names {absent[0]!r}, no column of obs."
        yield error(place, "value", message, count=len(absent), examples=absent)


def _is_empty(value: Any) -> bool:  # noqa: ANN401  # whatever a file may hold
    if value is None or isinstance(value, (bool, np.bool_, numbers.Number)):
        return False
    shape = getattr(value, "shape", None)
    return 0 in shape if shape else len(value) == 0


def _check_colors(name: str, value: object, obs: pd.DataFrame) -> Iterator[Finding]:
    place, source = _key(name), name.replace("_colors", "")
    values = obs.get(source)
    if values is None or not isinstance(values.dtype, pd.CategoricalDtype) or not values.nunique():
        yield error(place, "no-column", f"belongs to no categorical column {source!r} of obs.")
        return
    if not isinstance(value, np.ndarray):
        yield error(place, "type", f"must be an array, not {type(value).__name__}.")
        return
    colors = value.tolist()
    if not all(isinstance(color, str) for color in colors):
        yield error(place, "type", f"must hold text, not {value.dtype}.")
        return
    if len(colors) < values.nunique():
        message = f"has {len(colors)} colours for {values.nunique()} values of {source!r}."
        yield error(place, "few", message, count=values.nunique() - len(colors))
    if not (_are_names(colors) or all(HEX_COLOR.match(color) for color in colors)):
        message = "must be all hex colours or all CSS4 names."
        yield error(place, "value", message, count=len(colors), examples=colors)


def _are_names(colors: list[str]) -> bool:
    from matplotlib.colors import CSS4_COLORS  # slow to import, rarely needed

    return all(color in CSS4_COLORS for color in colors)
