"""One vector for every cell, from the states of its gene tokens."""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from genemamba.inference.encoder import BackendOption, Encoder, open_encoder
from genemamba.inference.precision import Precision
from genemamba.nn.model import GeneMamba
from genemamba.storage import Progress
from genemamba.tokens.minibatch import Minibatch, pad_cells, row_lengths
from genemamba.tokens.token_set import TokenSet

TOKENS_PER_MINIBATCH: Final = 4096
"""Keeps a layer's working set near a CPU's caches, where larger minibatches are slower."""


class EncodedCells(NamedTuple):
    """Some cells and what a model makes of their tokens."""

    rows: NDArray[np.int64]
    """Positions of the cells, shape ``(batch,)``."""
    minibatch: Minibatch
    """What the model read, on the CPU."""
    states: torch.Tensor
    """Token states on the model's device, shape ``(batch, seqlen, d_model)``, float32."""


def embed_cells(
    model: GeneMamba,
    tokens: TokenSet,
    *,
    device: torch.device,
    backend: BackendOption = "torch",
    precision: Precision = "fp32",
    tokens_per_minibatch: int = TOKENS_PER_MINIBATCH,
    progress: Progress | None = None,
) -> NDArray[np.float32]:
    """Average the states of each cell's genes.

    Parameters
    ----------
    model
        It is moved to `device` and left in evaluation mode.
    tokens
        Cells in rank encoding, with the vocabulary of the model.
    device
        Where the model runs.
    backend, precision
        As for `open_encoder`.
    tokens_per_minibatch, progress
        As for `embed_tokens`.

    Returns
    -------
    Embedding in the order of the cells, shape ``(n_obs, d_model)``. A cell without a token has
    zeros.

    Raises
    ------
    ModelError
        There is no such backend or precision here.
    """
    encoder = open_encoder(model, device=device, backend=backend, precision=precision)
    return embed_tokens(
        encoder, tokens, tokens_per_minibatch=tokens_per_minibatch, progress=progress
    )


def embed_tokens(
    encoder: Encoder,
    tokens: TokenSet,
    *,
    tokens_per_minibatch: int = TOKENS_PER_MINIBATCH,
    progress: Progress | None = None,
) -> NDArray[np.float32]:
    """Average the states of each cell's genes, by a model that is ready.

    Parameters
    ----------
    encoder
        From `open_encoder`.
    tokens
        Cells in rank encoding, with the vocabulary of the model.
    tokens_per_minibatch
        Tokens in one minibatch, padding included; a longer cell goes alone. Changes the speed and
        the rounding, not the result.
    progress
        Called with cells done and cells in all.

    Returns
    -------
    As for `embed_cells`.
    """
    embedding = np.zeros((tokens.n_obs, encoder.d_model), dtype=np.float32)
    done = int((tokens.lengths == 0).sum())
    for rows, minibatch, h_BLD in encode_minibatches(
        encoder, tokens, tokens_per_minibatch=tokens_per_minibatch
    ):
        embedding[rows] = encoder.pool(h_BLD, minibatch).cpu().numpy()
        done += len(rows)
        if progress:
            progress(done, tokens.n_obs)
    return embedding


def encode_minibatches(
    encoder: Encoder, tokens: TokenSet, *, tokens_per_minibatch: int
) -> Iterator[EncodedCells]:
    """Run a model over cells, those of like length side by side.

    Parameters
    ----------
    encoder, tokens, tokens_per_minibatch
        As for `embed_tokens`.

    Yields
    ------
    Cells with the states of their tokens; every cell with a token once.
    """
    for rows in minibatches_by_length(
        row_lengths(tokens.lengths, row_seqlen=encoder.row_seqlen),
        tokens_per_minibatch=tokens_per_minibatch,
        tokens_per_block=encoder.tokens_per_block,
    ):
        minibatch = pad_cells(tokens, rows, row_seqlen=encoder.row_seqlen)
        yield EncodedCells(rows, minibatch, encoder(minibatch))


def minibatches_by_length(
    lengths: NDArray[np.int64], *, tokens_per_minibatch: int, tokens_per_block: int = 1
) -> list[NDArray[np.int64]]:
    """Group cells of similar length, the longest first, so that little is padding.

    Parameters
    ----------
    lengths
        Tokens of each cell, shape ``(n_obs,)``.
    tokens_per_minibatch
        Tokens in one group, padding included; a longer cell is a group of its own.
    tokens_per_block
        Padding goes on to a multiple of it.

    Returns
    -------
    Positions of the cells of each group; every cell with a token is in one.
    """
    rows = np.flatnonzero(lengths)
    rows = rows[np.argsort(-lengths[rows], kind="stable")]
    groups, start = [], 0
    while start < len(rows):
        n_blocks = -(-int(lengths[rows[start]]) // tokens_per_block)
        width = max(1, tokens_per_minibatch // (n_blocks * tokens_per_block))
        groups.append(rows[start : start + width])
        start += width
    return groups
