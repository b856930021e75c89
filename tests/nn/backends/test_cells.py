"""How a minibatch is cut into parts."""

import torch

from genemamba.nn.backends.cells import TOKENS_PER_PART, parts_of, run_in_parts


def test_every_cell_is_in_one_part_of_its_rounded_length():
    lengths = [2048, 850, 0, 849, 64, 65, 1, 3000]

    parts = list(parts_of(lengths, 3000))

    assert sorted(row for part in parts for row in part.rows) == [0, 1, 3, 4, 5, 6, 7]
    for part in parts:
        assert len(part.rows) == 1 or len(part.rows) * part.seqlen <= TOKENS_PER_PART
        for row in part.rows:
            assert lengths[row] <= part.seqlen < lengths[row] + 64


def test_states_come_back_to_their_places():
    mask_BL = torch.arange(200) < torch.tensor([[10], [200], [0], [70]])
    input_ids_BL = torch.arange(800).view(4, 200)

    def run(input_ids_BL, mask_BL):
        return torch.stack([input_ids_BL, mask_BL], dim=-1).float()

    states_BLD = run_in_parts(run, input_ids_BL, mask_BL, d_model=2)

    assert torch.equal(states_BLD[..., 0][mask_BL], input_ids_BL[mask_BL].float())
    assert torch.equal(states_BLD[..., 1].bool(), mask_BL)


def test_padding_that_a_model_reads_is_kept():
    mask_BL = torch.arange(128) < torch.tensor([[10], [20]])
    seen = []

    def run(input_ids_BL, mask_BL):
        seen.append(input_ids_BL.shape)
        return torch.zeros(*mask_BL.shape, 2)

    run_in_parts(run, torch.zeros(2, 128), mask_BL, d_model=2, cut_padding=False)

    assert seen == [(2, 128)]


def test_cells_without_genes_have_states_of_zero():
    states_BLD = run_in_parts(
        lambda *_: torch.full((1, 1, 1), torch.nan),
        torch.zeros(2, 5),
        torch.zeros(2, 5, dtype=torch.bool),
        d_model=3,
    )

    assert torch.equal(states_BLD, torch.zeros(2, 5, 3))
