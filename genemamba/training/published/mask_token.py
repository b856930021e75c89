"""The one token that training by hidden genes needs and published models lack."""

from dataclasses import replace

import torch
from torch import Tensor

from genemamba.nn.model import GeneMamba
from genemamba.tokens.vocabulary import MASK_NAME
from genemamba.training.checkpoint import Checkpoint


def with_mask_token(checkpoint: Checkpoint) -> Checkpoint:
    """Return a copy of a model with one token more, which is to stand for a hidden gene.

    No published weight belongs to it: its rows are the mean over all tokens, as the published code
    starts its [CLS] token, and mean nothing before a training. All other states stay as they are.

    Parameters
    ----------
    checkpoint
        Of any model; one that has the token is returned unchanged.

    References
    ----------
    ``resize_token_embeddings`` of the published ``models.py``, which leaves the new bias to torch's
    random start; here it is the mean, too.
    """
    if MASK_NAME in checkpoint.vocabulary.further:
        return checkpoint
    vocabulary = replace(checkpoint.vocabulary, further=(*checkpoint.vocabulary.further, MASK_NAME))
    with torch.device("meta"):
        model = GeneMamba(replace(checkpoint.model_config, vocab_size=vocabulary.size))
    weights = {
        name: _with_mean_row(weight) if name.startswith(("embeddings.", "lm_head.")) else weight
        for name, weight in checkpoint.model.state_dict().items()
    }
    model.load_state_dict(weights, assign=True)
    model.tie()
    return replace(checkpoint, model=model.requires_grad_(), vocabulary=vocabulary)


def _with_mean_row(weight: Tensor) -> Tensor:
    return torch.cat([weight, weight.mean(dim=0, keepdim=True)])
