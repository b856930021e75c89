"""What authors of single-cell studies leave out of a cell type's name, or write short."""

from collections.abc import Sequence
from typing import Final

SHORT: Final = {
    "ctl": "cytotoxic t", "dc": "dendritic", "ec": "endothelial", "endo": "endothelial",
    "eryth": "erythroid", "fibro": "fibroblast", "mac": "macrophage", "macro": "macrophage",
    "mem": "memory", "mono": "monocyte", "nk": "natural killer", "pdc": "plasmacytoid dendritic",
    "reg": "regulatory", "smc": "smooth muscle", "treg": "regulatory t",
}  # fmt: skip
"""Words that stand for others wherever they are in a name."""

CORECEPTORS: Final = frozenset({"cd4=pos", "cd8=pos"})
"""Of T cells; with one of them and no other receptor named, alpha-beta T cells are meant."""

OTHER_T: Final = frozenset(
    {"alpha", "beta", "gamma", "delta", "killer", "invariant", "thymocyte", "precursor"}
)
"""Words of T cells about whose receptor nothing is to be added."""

IMPLIED: Final = {
    "cd3=pos": "t",
    "cd19=pos": "b",
    "cd20=pos": "b",
    "cd45ra=pos": "naive",
    "cd45ro=pos": "memory",
}
"""Markers that only repeat what another word of the name says."""


def expand(words: Sequence[str]) -> tuple[str, ...]:
    """Return the words that a name would have in the Cell Ontology.

    ``CD4 T`` means CD4-positive, alpha-beta T cells, and ``Naive CD4 T`` those that come from the
    thymus.

    Parameters
    ----------
    words
        From `genemamba.ontology.spelling.words`.
    """
    found = {part for word in words for part in SHORT.get(word, word).split()}
    found -= {marker for marker, says in IMPLIED.items() if says in found}
    if "t" in found and found & CORECEPTORS and not found & OTHER_T:
        found |= {"alpha", "beta"}
        if "naive" in found:
            found = (found | {"thymus", "derived"}) - {"cd25=neg"}
    return tuple(sorted(found))
