"""Cross entropy over a large vocabulary, without a logit of every token and gene at once.

Shape suffixes: M tokens to be named, D model width, V vocabulary.
"""

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

CHUNKED_FROM: Final = 32 * 1024 * 1024
"""Logits from which they are made in parts: 128 MiB of them, of which a step holds three copies.
Below that one product is as fast, and its rounding is that of the plain formula."""


def vocabulary_loss(h_MD: Tensor, head: nn.Linear, targets_M: Tensor) -> Tensor:
    """Score how well token states name their genes.

    With many tokens and genes the logits are made, scored and dropped in parts, so that memory
    holds a part of them: torch's chunked ``linear_cross_entropy``, which takes the gradients on
    the way forward and so can be differentiated once.

    Parameters
    ----------
    h_MD
        Token states, shape ``(n_tokens, d_model)``.
    head
        From a token's state to a logit for each gene.
    targets_M
        Tokens to be named, shape ``(n_tokens,)``, integers.

    Returns
    -------
    Mean cross entropy in nats, float32, shape ``()``.

    References
    ----------
    Chunked cross entropy: Hsu et al., Liger Kernel, arXiv 2410.10989, section 3.2.
    """
    if len(targets_M) * head.out_features < CHUNKED_FROM:
        return functional.cross_entropy(head(h_MD).float(), targets_M.long())
    # The parts are float32 under autocast, too: torch's are slower in bfloat16, and less exact.
    with torch.autocast(h_MD.device.type, enabled=False):
        loss: Tensor = functional.linear_cross_entropy(
            h_MD.float(),
            head.weight,
            targets_M.long(),
            linear_bias=head.bias,
            options=nn.LinearCrossEntropyOptions(),
        )
    return loss
