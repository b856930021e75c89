"""Padding of cells to one width."""

import numpy as np
import pytest
import torch

from genemamba.errors import InputError
from genemamba.tokens.minibatch import pad_cells, row_lengths
from genemamba.tokens.token_set import TokenSet

TOKENS = TokenSet(
    tokens=np.array([5, 6, 7, 8, 9, 10], dtype=np.int32), indptr=np.array([0, 3, 3, 4, 6])
)


def test_cells_are_padded_to_the_longest_in_the_order_asked_for():
    minibatch = pad_cells(TOKENS, np.array([3, 0, 1]))

    assert minibatch.input_ids.tolist() == [[9, 10, 1], [5, 6, 7], [1, 1, 1]]
    assert minibatch.mask.tolist() == [[True, True, False], [True] * 3, [False] * 3]
    assert minibatch.input_ids.dtype == torch.int64


def test_no_wider_than_the_cells_asked_for():
    assert pad_cells(TOKENS, np.array([2])).input_ids.tolist() == [[8]]


def test_no_cells_make_an_empty_minibatch():
    assert pad_cells(TOKENS, np.array([], dtype=np.int64)).input_ids.shape == (0, 0)


def test_rows_are_as_wide_as_a_model_that_reads_padding_asks():
    minibatch = pad_cells(TOKENS, np.array([2, 0]), row_seqlen=4)

    assert minibatch.input_ids.tolist() == [[8, 1, 1, 1], [5, 6, 7, 1]]
    assert minibatch.mask.sum(dim=1).tolist() == [1, 3]


def test_cell_that_is_longer_than_the_row_is_refused():
    with pytest.raises(InputError, match=r"cells of up to 2 tokens, found one of 3"):
        pad_cells(TOKENS, np.array([0]), row_seqlen=2)


def test_a_model_that_reads_padding_reads_whole_rows_of_all_cells_with_a_gene():
    assert row_lengths(TOKENS.lengths, row_seqlen=9).tolist() == [9, 0, 9, 9]
    assert row_lengths(TOKENS.lengths, row_seqlen=None).tolist() == [3, 0, 1, 2]
