"""One vector for every cell, from the states of its gene tokens."""

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from genemamba.nn.model import GeneMamba
from genemamba.nn.pooling import mean_pool
from genemamba.storage import Progress
from genemamba.tokens.minibatch import pad_cells
from genemamba.tokens.token_set import TokenSet

TOKENS_PER_MINIBATCH: Final = 4096
"""Keeps a layer's working set near a CPU's caches, where larger minibatches are slower."""


def embed_cells(
    model: GeneMamba,
    tokens: TokenSet,
    *,
    device: torch.device,
    tokens_per_minibatch: int = TOKENS_PER_MINIBATCH,
    progress: Progress | None = None,
) -> NDArray[np.float32]:
    """Average the states of each cell's genes.

    Parameters
    ----------
    model
        On `device`; it is left in evaluation mode.
    tokens
        Cells in rank encoding, with the vocabulary of the model.
    device
        Where the model runs.
    tokens_per_minibatch
        Tokens in one minibatch, padding included; a longer cell goes alone. Changes the speed and
        the rounding, not the result.
    progress
        Called with cells done and cells in all.

    Returns
    -------
    Embedding in the order of the cells, shape ``(n_obs, d_model)``. A cell without a token has
    zeros.
    """
    model.eval()
    embedding = np.zeros((tokens.n_obs, model.config.d_model), dtype=np.float32)
    done = int((tokens.lengths == 0).sum())
    with torch.inference_mode():
        for rows in minibatches_by_length(
            tokens.lengths, tokens_per_minibatch=tokens_per_minibatch
        ):
            minibatch = pad_cells(tokens, rows).to(device)
            h_BLD = model(minibatch.input_ids, minibatch.mask)
            embedding[rows] = mean_pool(h_BLD.float(), minibatch.mask).cpu().numpy()
            done += len(rows)
            if progress:
                progress(done, tokens.n_obs)
    return embedding


def minibatches_by_length(
    lengths: NDArray[np.int64], *, tokens_per_minibatch: int
) -> list[NDArray[np.int64]]:
    """Group cells of similar length, the longest first, so that little is padding.

    Parameters
    ----------
    lengths
        Tokens of each cell, shape ``(n_obs,)``.
    tokens_per_minibatch
        Tokens in one group, padding included; a longer cell is a group of its own.

    Returns
    -------
    Positions of the cells of each group; every cell with a token is in one.
    """
    rows = np.flatnonzero(lengths)
    rows = rows[np.argsort(-lengths[rows], kind="stable")]
    groups, start = [], 0
    while start < len(rows):
        width = max(1, tokens_per_minibatch // int(lengths[rows[start]]))
        groups.append(rows[start : start + width])
        start += width
    return groups
