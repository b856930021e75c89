"""Mean pooling over genes."""

import torch

from genemamba.nn.pooling import mean_pool, pool_cells


def test_mean_pool_ignores_padding():
    h_BLD = torch.tensor([[[1.0, 5.0], [3.0, 7.0], [99.0, torch.nan]]])
    mask_BL = torch.tensor([[True, True, False]])

    assert mean_pool(h_BLD, mask_BL).tolist() == [[2.0, 6.0]]


def test_mean_pool_of_no_gene_is_zero():
    assert mean_pool(torch.ones(1, 2, 3), torch.zeros(1, 2, dtype=torch.bool)).tolist() == [
        [0.0] * 3
    ]


def test_upstream_padding_is_averaged_but_not_for_a_cell_without_a_gene():
    h_BLD = torch.tensor([[[1.0], [3.0], [5.0]], [[1.0], [1.0], [1.0]]])
    mask_BL = torch.tensor([[True, False, False], [False] * 3])

    assert pool_cells(h_BLD, mask_BL, padding="upstream").tolist() == [[3.0], [0.0]]
    assert pool_cells(h_BLD, mask_BL, padding="aware").tolist() == [[1.0], [0.0]]
