"""Which of several equal cells an atlas version keeps, and under which name; numbers only.

Cells are numbered through all stores that the atlas ever had, the earliest store first, so that a
smaller number is an earlier cell.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Links(NamedTuple):
    """Cells that equal an earlier one."""

    child: np.ndarray
    """Numbers of the cells, int64, ascending, distinct."""
    parent: np.ndarray
    """The earliest cell that each equals, int64, smaller than the child."""


class Decision(NamedTuple):
    """What becomes of equal cells."""

    left_out: np.ndarray
    """Cells that are there and that another stands for, int64, ascending."""
    kept: np.ndarray
    """The cell that stands for each of them, int64."""
    heirs: np.ndarray
    """Cells that stand for an earlier one which is not there, int64, ascending."""
    ancestors: np.ndarray
    """The earliest cell equal to each heir, whose id it inherits, int64."""


def join_links(parts: list[Links]) -> Links:
    """Take the earliest parent of each child over several comparisons."""
    child = np.concatenate([np.empty(0, np.int64), *(part.child for part in parts)])
    parent = np.concatenate([np.empty(0, np.int64), *(part.parent for part in parts)])
    order = np.lexsort((parent, child))
    child, parent = child[order], parent[order]
    first = _starts(child)
    return Links(child[first], parent[first])


def find_roots(links: Links) -> np.ndarray:
    """Follow the links of each child to a cell that has no earlier one.

    A link depends on earlier cells only. So a cell that was alone stays the root of its group
    whatever comes later, and groups never merge: names of cells stay.

    Returns
    -------
    int64, shape of ``links.child``.
    """
    roots = links.parent.copy()
    if not len(roots):
        return roots
    while True:
        found = np.minimum(np.searchsorted(links.child, roots), len(roots) - 1)
        is_child = links.child[found] == roots
        if not is_child.any():
            return roots
        roots[is_child] = links.parent[found[is_child]]


def decide(links: Links, is_there: Callable[[np.ndarray], np.ndarray]) -> Decision:
    """Keep the earliest cell that is there of every group of equal ones.

    Parameters
    ----------
    links
        Of all cells that the atlas ever had.
    is_there
        Told numbers of cells, says which the version may have: of a store that was not dropped,
        and not left out for another reason.
    """
    roots = find_roots(links)
    alone = np.unique(roots)
    members, groups = np.concatenate([links.child, alone]), np.concatenate([roots, alone])
    there = is_there(members)
    members, groups = members[there], groups[there]
    order = np.lexsort((members, groups))
    members, groups = members[order], groups[order]
    first = _starts(groups)
    kept = members[first][np.cumsum(first) - 1]
    is_heir = first & (members != groups)
    left_out, heirs = members[~first], members[is_heir]
    by_number, by_heir = np.argsort(left_out), np.argsort(heirs)
    return Decision(
        left_out=left_out[by_number],
        kept=kept[~first][by_number],
        heirs=heirs[by_heir],
        ancestors=groups[is_heir][by_heir],
    )


def _starts(values: np.ndarray) -> np.ndarray:
    """Tell where sorted values change, and at the first of them."""
    return np.concatenate([np.ones(min(len(values), 1), bool), values[1:] != values[:-1]])
