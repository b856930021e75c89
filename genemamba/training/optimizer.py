"""How weights are updated: AdamW, a warm-up and a cosine."""

import math

import torch

from genemamba.nn.model import GeneMamba
from genemamba.training.config import TrainingConfig


def make_optimizer(model: GeneMamba, config: TrainingConfig) -> torch.optim.AdamW:
    """Return AdamW that decays matrices alone.

    Parameters
    ----------
    model
        On the device where it will be trained.
    config
        Course of the training.

    References
    ----------
    Second-moment decay of 0.95 and no weight decay of vectors: Mamba, arXiv 2312.00752,
    section E.2.
    """
    parameters = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.dim() >= 2], "weight_decay": config.weight_decay},
        {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.lr, betas=(0.9, 0.95), fused=True)


def learning_rate(step: int, config: TrainingConfig) -> float:
    """Return the learning rate of a step: a linear rise, then half a cosine down to zero.

    Parameters
    ----------
    step
        Counted from 1.
    config
        Course of the training.
    """
    if step <= config.warmup_steps:
        return config.lr * step / config.warmup_steps
    done = (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps + 1)
    return config.lr * (1 + math.cos(math.pi * done)) / 2
