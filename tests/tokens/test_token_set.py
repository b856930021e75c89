"""Choosing and joining ragged cells."""

import numpy as np

from genemamba.tokens.token_set import TokenSet

CELLS = [[5, 6, 7], [], [8], [9, 10]]
TOKENS = TokenSet.from_cells([np.array(cell, dtype=np.int32) for cell in CELLS])


def as_lists(tokens):
    return [tokens.cell(row).tolist() for row in range(tokens.n_obs)]


def test_cells_come_back_as_they_were_given():
    assert as_lists(TOKENS) == CELLS
    assert (TOKENS.tokens.dtype, TOKENS.indptr.tolist()) == (np.int32, [0, 3, 3, 4, 6])


def test_taken_cells_are_in_the_order_asked_for():
    assert as_lists(TOKENS.take(np.array([3, 1, 0, 3]))) == [[9, 10], [], [5, 6, 7], [9, 10]]


def test_a_slice_begins_at_its_first_cell():
    assert as_lists(TOKENS.slice(1, 3)) == [[], [8]]
    assert TOKENS.slice(2, 4).indptr.tolist() == [0, 1, 3]


def test_joined_sets_follow_one_another():
    assert as_lists(TokenSet.join([TOKENS.slice(2, 4), TOKENS.slice(0, 2)])) == [
        [8],
        [9, 10],
        [5, 6, 7],
        [],
    ]


def test_no_cells_are_a_set_too():
    for empty in (TokenSet.from_cells([]), TokenSet.join([]), TOKENS.slice(2, 2)):
        assert (empty.n_obs, len(empty.tokens), empty.tokens.dtype) == (0, 0, np.int32)
