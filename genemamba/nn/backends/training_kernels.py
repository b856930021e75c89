"""What reads the cells of a training: the fused kernels where they run, plain torch elsewhere."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from genemamba.nn.backends.copies import use_reader
from genemamba.nn.backends.names import obstacle_to
from genemamba.nn.model import GeneMamba

logger = logging.getLogger(__name__)


@contextmanager
def training_kernels(model: GeneMamba, *, device: torch.device) -> Iterator[None]:
    """Let a model read packed cells, without padding, by `mamba_ssm` where that runs; say which.

    Both ways have the same weights and the same gradients, within rounding. Objectives that keep
    the directions apart read in plain torch everywhere.

    Parameters
    ----------
    model
        In training; afterwards it reads as before.
    device
        Where it lies.

    Raises
    ------
    ModelError
        ``mamba_ssm`` is installed and cannot be imported.
    """
    if obstacle := obstacle_to("mamba_ssm", device):
        logger.info("Training reads in plain torch (%s)", obstacle)
        yield
        return
    from genemamba.nn.backends.loading import fused_reader

    logger.info("Training reads packed cells with mamba_ssm.")
    use_reader(model, fused_reader())
    try:
        yield
    finally:
        use_reader(model, None)
