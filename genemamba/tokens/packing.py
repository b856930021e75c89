"""Cells of unequal length one behind the other, without padding between them.

A kernel that is told where each cell begins, such as the fused scan of ``mamba_ssm``, reads a row
of many cells at the cost of their genes alone. It is told by `PackedCells.seq_idx`: neighbouring
genes belong to one cell where it is equal.

Shape suffixes: R rows, T tokens of a row.
"""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from genemamba.errors import InputError
from genemamba.tokens.minibatch import Minibatch
from genemamba.tokens.token_set import TokenSet
from genemamba.tokens.vocabulary import PAD_TOKEN


class PackedCells(NamedTuple):
    """Rows of cells; what is left of a row is one more sequence, of padding."""

    input_ids: Tensor
    """Tokens, `PAD_TOKEN` behind a row's last cell, shape ``(n_rows, width)``, int64."""
    seq_idx: Tensor
    """Number of the cell among those of its row, shape ``(n_rows, width)``, int32, as
    ``mamba_ssm`` wants it; padding has a number of its own."""
    row: Tensor
    """Row of each cell, in the order in which the cells were given, shape ``(n_cells,)``, int64."""
    start: Tensor
    """Where each cell begins in its row, shape ``(n_cells,)``, int64."""
    length: Tensor
    """Tokens of each cell, shape ``(n_cells,)``, int64."""

    @property
    def mask(self) -> Tensor:
        """True where a token is a gene, shape ``(n_rows, width)``."""
        return self.input_ids != PAD_TOKEN

    def reverse(self) -> "PackedCells":
        """Return every row read from its end: each cell backwards, in the same place of its row.

        A causal reading of the reversed rows is a reading of each cell from its last gene on;
        flipped again, its states lie where the genes are.
        """
        width = self.input_ids.shape[1]
        return PackedCells(
            input_ids=self.input_ids.flip(1),
            seq_idx=self.seq_idx.flip(1),
            row=self.row,
            start=width - self.start - self.length,
            length=self.length,
        )


def pack_cells(tokens: TokenSet, rows: NDArray[np.int64], *, width: int) -> PackedCells:
    """Lay cells into rows of one width, the longest first, each into the first row with room.

    Parameters
    ----------
    tokens
        Of all cells.
    rows
        Positions of the cells wanted, shape ``(n_cells,)``.
    width
        Tokens of a row, at least those of the longest cell.

    Returns
    -------
    Packed cells, on the CPU. At most 11/9 of the rows that the best packing needs, and one more.

    Raises
    ------
    InputError
        A cell does not fit into a row.

    References
    ----------
    First-fit decreasing and its bound: Johnson, Near-optimal bin packing algorithms, MIT (1973).
    """
    lengths = tokens.lengths[rows]
    longest = int(lengths.max(initial=0))
    if longest > width:
        raise InputError(
            expected=f"cells of up to {width} tokens, the width of a row",
            found=f"{longest} tokens in the longest",
            remedy="Make the rows wider, or keep fewer tokens of a cell.",
        )
    row, start = np.zeros(len(rows), dtype=np.int64), np.zeros(len(rows), dtype=np.int64)
    used: list[int] = []
    n_cells: list[int] = []
    number = np.zeros(len(rows), dtype=np.int64)
    for cell in np.argsort(-lengths, kind="stable").tolist():
        length = int(lengths[cell])
        place = next((r for r, taken in enumerate(used) if taken + length <= width), len(used))
        if place == len(used):
            used.append(0)
            n_cells.append(0)
        row[cell], start[cell], number[cell] = place, used[place], n_cells[place]
        used[place] += length
        n_cells[place] += 1
    input_ids_RT = np.full((len(used), width), PAD_TOKEN, dtype=np.int64)
    seq_idx_RT = np.repeat(np.array(n_cells, dtype=np.int32)[:, None], width, axis=1)
    for cell, position in enumerate(rows.tolist()):
        span = slice(start[cell], start[cell] + lengths[cell])
        input_ids_RT[row[cell], span] = tokens.cell(position)
        seq_idx_RT[row[cell], span] = number[cell]
    arrays = (input_ids_RT, seq_idx_RT, row, start, lengths)
    return PackedCells(*(torch.from_numpy(array) for array in arrays))


def unpack_states(h: Tensor, packed: PackedCells) -> tuple[Tensor, Tensor]:
    """Put what was made of each gene beside its cell's others again, padded.

    Parameters
    ----------
    h
        States of packed tokens, shape ``(n_rows, width, ...)``.
    packed
        Where each cell lies.

    Returns
    -------
    States, zero at padding, shape ``(n_cells, seqlen, ...)``, and the mask that is True where
    they are a gene's, shape ``(n_cells, seqlen)``; as wide as the longest cell, in the order in
    which the cells were given.
    """
    lengths = packed.length.to(h.device)
    offset = torch.arange(int(packed.length.max()) if len(lengths) else 0, device=h.device)
    mask = offset < lengths[:, None]
    where = (packed.start.to(h.device)[:, None] + offset).clamp(max=h.shape[1] - 1)
    states = h[packed.row.to(h.device)[:, None], where]
    return states * mask.view(*mask.shape, *[1] * (h.dim() - 2)), mask


def unpack_cells(packed: PackedCells) -> Minibatch:
    """Return packed cells side by side, padded, as `pad_cells` would have put them.

    Parameters
    ----------
    packed
        On any device.
    """
    input_ids, mask = unpack_states(packed.input_ids, packed)
    return Minibatch(input_ids.masked_fill(~mask, PAD_TOKEN), mask)
