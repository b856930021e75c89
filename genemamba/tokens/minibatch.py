"""Cells of unequal length side by side, padded for the model.

Shape suffixes: B cells, L tokens.
"""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from genemamba.errors import InputError
from genemamba.tokens.token_set import TokenSet
from genemamba.tokens.vocabulary import PAD_TOKEN


class Minibatch(NamedTuple):
    """What the model reads at once."""

    input_ids: Tensor
    """Tokens, `PAD_TOKEN` behind each cell's last, shape ``(batch, seqlen)``, int64."""
    mask: Tensor
    """True where a token is a gene, shape ``(batch, seqlen)``."""
    bins: Tensor | None = None
    """Binned expression of each token, 0 at padding, shape ``(batch, seqlen)``, int64; None where
    only ranks are told."""

    @property
    def n_scored(self) -> int:
        """Genes, each of which may have to be named: the weight of a minibatch among others."""
        return int(self.mask.sum())

    def to(self, device: torch.device) -> "Minibatch":
        """Return the same on a device."""
        bins = None if self.bins is None else self.bins.to(device)
        return Minibatch(self.input_ids.to(device), self.mask.to(device), bins)


class LabelledMinibatch(NamedTuple):
    """Cells that a model reads at once, each with what it is."""

    input_ids: Tensor
    """As in `Minibatch`."""
    mask: Tensor
    """As in `Minibatch`."""
    bins: Tensor | None
    """As in `Minibatch`."""
    labels: Tensor
    """Number of each cell's label, shape ``(batch,)``, int64."""

    @property
    def n_scored(self) -> int:
        """Cells: each has one label to be named."""
        return len(self.labels)

    def to(self, device: torch.device) -> "LabelledMinibatch":
        """Return the same on a device."""
        cells = Minibatch(self.input_ids, self.mask, self.bins).to(device)
        return LabelledMinibatch(*cells, self.labels.to(device))


def pad_cells(
    tokens: TokenSet, rows: NDArray[np.int64], *, row_seqlen: int | None = None
) -> Minibatch:
    """Put some cells side by side, as wide as the longest of them or as the model asks.

    Parameters
    ----------
    tokens
        Of all cells.
    rows
        Positions of the cells wanted, in the order wanted, shape ``(batch,)``.
    row_seqlen
        Of the model's configuration: the width, where the model reads padding; None elsewhere.

    Returns
    -------
    The minibatch, on the CPU.

    Raises
    ------
    InputError
        A cell has more than `row_seqlen` tokens.
    """
    lengths = tokens.lengths[rows]
    longest = int(lengths.max(initial=0))
    if row_seqlen is not None and longest > row_seqlen:
        raise InputError(
            expected=f"cells of up to {row_seqlen} tokens",
            found=f"one of {longest}",
            remedy="Encode the cells with the seqlen of the model.",
        )
    input_ids_BL = np.full((len(rows), row_seqlen or longest), PAD_TOKEN, dtype=np.int64)
    mask_BL = np.arange(input_ids_BL.shape[1]) < lengths[:, None]
    if len(rows):
        input_ids_BL[mask_BL] = np.concatenate([tokens.cell(int(row)) for row in rows])
    bins = None
    if tokens.bins is not None:
        bins_BL = np.zeros(input_ids_BL.shape, dtype=np.int64)
        if len(rows):
            spans = zip(tokens.indptr[rows].tolist(), lengths.tolist(), strict=True)
            bins_BL[mask_BL] = np.concatenate([tokens.bins[at : at + n] for at, n in spans])
        bins = torch.from_numpy(bins_BL)
    return Minibatch(torch.from_numpy(input_ids_BL), torch.from_numpy(mask_BL), bins)


def row_lengths(lengths: NDArray[np.int64], *, row_seqlen: int | None) -> NDArray[np.int64]:
    """Return how many tokens a model reads of each cell, by which minibatches are made up.

    Parameters
    ----------
    lengths
        Genes of each cell, shape ``(n_obs,)``.
    row_seqlen
        Of the model's configuration.

    Returns
    -------
    Shape ``(n_obs,)``; zero for a cell without a gene, which is not read at all.
    """
    return lengths if row_seqlen is None else np.where(lengths > 0, row_seqlen, 0)
