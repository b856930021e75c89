"""Valid and invalid deposits, after the examples in the test suite of ``cellxgene-schema`` 7.1.2.

Each is a change of one of the valid deposits. Shared by the test and by the script that asks the
published validator (``infra/cellxgene/ask_validator.py``).
"""

from collections.abc import Callable
from functools import cache, partial
from typing import NamedTuple

import anndata

from tests.atlas.standards.cellxgene import deposits
from tests.atlas.standards.cellxgene.array_examples import (
    change_embeddings,
    change_matrices,
    change_spatial,
)
from tests.atlas.standards.cellxgene.changes import Change, every, first
from tests.atlas.standards.cellxgene.table_examples import change_obs, change_var
from tests.atlas.standards.cellxgene.term_examples import ASSAYS, LISTS, TERMS, fly, worm, zebrafish
from tests.atlas.standards.cellxgene.uns_examples import change_colors, change_guides, change_uns

CHANGES = (
    change_obs, change_var, change_uns, change_colors, change_guides, change_embeddings,
    change_spatial, change_matrices,
)  # fmt: skip


class Example(NamedTuple):
    """One deposit."""

    make: Callable[[], anndata.AnnData]
    about: str
    """What both validators name where it is invalid; alternatives are separated by ``|``."""


BASES = {
    "human": deposits.human, "counts": deposits.human_without_raw, "mouse": deposits.mouse,
    "line": deposits.cell_line, "slide": deposits.slide_seq, "sections": deposits.visium_sections,
    "visium": deposits.visium, "guides": deposits.perturbed, "zebrafish": zebrafish, "fly": fly,
    "worm": worm,
}  # fmt: skip


def build() -> dict[str, Example]:
    """Return every example by its name: base, what is changed and to what, what it is about."""
    found: dict[str, Example] = {}

    def add(base: str, label: str, about: str, change: Change = lambda _: None) -> None:
        name = f"{base} {label} [{about}]" if label else base
        assert name not in found, name
        found[name] = Example(partial(_changed, base, change), about)

    for base in BASES:
        add(base, "", "")
    for base, column, more, values in TERMS:
        for value in values.split():
            extra = " ".join(more.values())
            add(base, f"{extra} {value}".strip(), column, first({**more, column: value}))
    for column, *parts in LISTS:
        add("human", " || ".join(parts), column, first({column: " || ".join(parts)}))
    for assay in ASSAYS:
        both = {"assay_ontology_term_id": assay, "suspension_type": "na"}
        add("human", f"{assay} na", "suspension_type", every(both))
    for changes in CHANGES:
        changes(add)
    return found


@cache
def _base(name: str) -> anndata.AnnData:
    return BASES[name]()


def _changed(base: str, change: Change) -> anndata.AnnData:
    adata = _base(base).copy()
    return change(adata) or adata


EXAMPLES = build()
TERM_EXAMPLES = frozenset(
    name
    for name, example in EXAMPLES.items()
    if example.about in {column for _, column, _, _ in TERMS} | {"suspension_type"}
)
