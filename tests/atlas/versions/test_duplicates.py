"""Groups of equal cells, against one that is built cell by cell in plain Python."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from genemamba.atlas.versions.duplicates import Links, decide, find_roots, join_links


@st.composite
def forests(draw):
    """Up to 30 cells, each maybe equal to some earlier one, and which of them are there."""
    n = draw(st.integers(1, 30))
    parents = {c: draw(st.integers(0, c - 1)) for c in range(1, n) if draw(st.booleans())}
    return parents, [draw(st.booleans()) for _ in range(n)]


def to_links(parents):
    child = np.asarray(sorted(parents), dtype=np.int64)
    return Links(child, np.asarray([parents[c] for c in child.tolist()], dtype=np.int64))


def root_of(cell, parents):
    while cell in parents:
        cell = parents[cell]
    return cell


@given(forests())
def test_the_earliest_cell_that_is_there_stands_for_its_group(forest):
    parents, there = forest
    groups: dict[int, list[int]] = {}
    for cell in range(len(there)):
        groups.setdefault(root_of(cell, parents), []).append(cell)
    kept, heirs = {}, {}
    for root, members in groups.items():
        present = [cell for cell in members if there[cell]]
        kept |= dict.fromkeys(present[1:], present[0] if present else None)
        if present and present[0] != root:
            heirs[present[0]] = root

    decision = decide(to_links(parents), lambda cells: np.asarray(there)[cells])

    assert dict(zip(decision.left_out.tolist(), decision.kept.tolist(), strict=True)) == kept
    assert dict(zip(decision.heirs.tolist(), decision.ancestors.tolist(), strict=True)) == heirs
    assert sorted(decision.left_out.tolist()) == decision.left_out.tolist()
    assert sorted(decision.heirs.tolist()) == decision.heirs.tolist()


@given(forests())
def test_what_comes_later_changes_no_root_of_what_was_there(forest):
    parents, there = forest
    half = {child: parent for child, parent in parents.items() if child < len(there) // 2}

    whole = dict(zip(sorted(parents), find_roots(to_links(parents)).tolist(), strict=True))

    assert {cell: whole[cell] for cell in half} == dict(
        zip(sorted(half), find_roots(to_links(half)).tolist(), strict=True)
    )


def test_of_several_comparisons_the_earliest_parent_counts():
    one = Links(np.asarray([4, 7]), np.asarray([3, 2]))
    two = Links(np.asarray([4, 5]), np.asarray([1, 0]))

    joined = join_links([one, two])

    assert (joined.child.tolist(), joined.parent.tolist()) == ([4, 5, 7], [1, 0, 2])
    assert [len(part) for part in join_links([])] == [0, 0]
