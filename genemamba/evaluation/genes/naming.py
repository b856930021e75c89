"""What a model names at each position of a cell.

Shape suffixes: B cells, L tokens, D model width, M positions, V vocabulary.
"""

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from genemamba.inference.embedding import TOKENS_PER_MINIBATCH, encode_minibatches
from genemamba.inference.encoder import Encoder
from genemamba.tokens.token_set import TokenSet

LOGITS_AT_ONCE: Final = 8 * 1024 * 1024
"""Logits that are held at a time, 32 MiB."""


@torch.inference_mode()
def name_positions(encoder: Encoder, head: nn.Linear, tokens: TokenSet) -> list[NDArray[np.int64]]:
    """Name the likeliest token at each position of each cell, all of which the model reads.

    Memory holds `LOGITS_AT_ONCE` logits.

    Parameters
    ----------
    encoder
        The model.
    head
        From its states to a logit for each token, on its device.
    tokens
        Cells in rank encoding.

    Returns
    -------
    Tokens of each cell, shape ``(n_tokens,)`` each, in the order of the cells.
    """
    named = [np.empty(0, dtype=np.int64)] * tokens.n_obs
    for rows, minibatch, h_BLD in encode_minibatches(
        encoder, tokens, tokens_per_minibatch=TOKENS_PER_MINIBATCH
    ):
        best = best_tokens(head, h_BLD[minibatch.mask.to(h_BLD.device)])
        end = 0
        for row, n_tokens in zip(rows.tolist(), tokens.lengths[rows].tolist(), strict=True):
            named[row] = best[end : end + n_tokens]
            end += n_tokens
    return named


def best_tokens(head: nn.Linear, h_MD: Tensor) -> NDArray[np.int64]:
    """Return the token with the highest logit for each state.

    Parameters
    ----------
    head
        From a state to a logit for each token.
    h_MD
        States, shape ``(n_positions, d_model)``.
    """
    n_at_once = max(1, LOGITS_AT_ONCE // head.out_features)
    starts = range(0, max(1, len(h_MD)), n_at_once)
    parts = [head(h_MD[start : start + n_at_once]).argmax(dim=1) for start in starts]
    return np.asarray(torch.cat(parts).cpu().numpy(), dtype=np.int64)
