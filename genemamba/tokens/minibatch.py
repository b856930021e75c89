"""Cells of unequal length side by side, padded for the model.

Shape suffixes: B cells, L tokens.
"""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from genemamba.tokens.token_set import TokenSet
from genemamba.tokens.vocabulary import PAD_TOKEN


class Minibatch(NamedTuple):
    """What the model reads at once."""

    input_ids: Tensor
    """Tokens, `PAD_TOKEN` behind each cell's last, shape ``(batch, seqlen)``, int64."""
    mask: Tensor
    """True where a token is a gene, shape ``(batch, seqlen)``."""

    def to(self, device: torch.device) -> "Minibatch":
        """Return the same on a device."""
        return Minibatch(self.input_ids.to(device), self.mask.to(device))


def pad_cells(tokens: TokenSet, rows: NDArray[np.int64]) -> Minibatch:
    """Put some cells side by side, as wide as the longest of them.

    Parameters
    ----------
    tokens
        Of all cells.
    rows
        Positions of the cells wanted, in the order wanted, shape ``(batch,)``.

    Returns
    -------
    The minibatch, on the CPU.
    """
    lengths = tokens.lengths[rows]
    input_ids_BL = np.full((len(rows), int(lengths.max(initial=0))), PAD_TOKEN, dtype=np.int64)
    mask_BL = np.arange(input_ids_BL.shape[1]) < lengths[:, None]
    if len(rows):
        input_ids_BL[mask_BL] = np.concatenate([tokens.cell(int(row)) for row in rows])
    return Minibatch(torch.from_numpy(input_ids_BL), torch.from_numpy(mask_BL))
