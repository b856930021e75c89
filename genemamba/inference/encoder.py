"""The one place where inference calls a model: tokens in, token states out.

Shape suffixes: B cells, L tokens, D model width.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from genemamba.inference.precision import DTYPES, Precision, check_precision
from genemamba.nn.backends.loading import Backend, load_backend
from genemamba.nn.backends.names import BackendName
from genemamba.nn.config import ModelConfig
from genemamba.nn.model import GeneMamba
from genemamba.nn.pooling import pool_cells
from genemamba.tokens.minibatch import Minibatch

BackendOption = BackendName | Literal["auto"]
"""Programs that run a model, or the rule that chooses one (`genemamba.nn.backends.names`); all of
them give the same states within their tolerances."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Encoder:
    """A model that is ready to read cells."""

    forward: Backend
    """From tokens, mask and binned expression, of shape ``(batch, seqlen)``, to states of shape
    ``(batch, seqlen, d_model)``."""
    device: torch.device
    """Where it runs."""
    config: ModelConfig
    """Of the model."""

    @property
    def backend(self) -> BackendName:
        """Program that runs it."""
        return self.forward.choice.name

    @property
    def d_model(self) -> int:
        """Width of a state."""
        return self.config.d_model

    @property
    def row_seqlen(self) -> int | None:
        """Tokens that every cell is filled up to; None where padding does not matter."""
        return self.config.row_seqlen

    @property
    def tokens_per_block(self) -> int:
        """Tokens that are computed together: a cell takes the time and room of whole blocks."""
        return self.config.chunk_size

    def __call__(self, minibatch: Minibatch) -> Tensor:
        """Return the states of the last layer.

        Parameters
        ----------
        minibatch
            Cells side by side, on any device.

        Returns
        -------
        Token states on `device`, shape ``(batch, seqlen, d_model)``, float32; those at padding
        mean nothing.
        """
        here = minibatch.to(self.device)
        with torch.inference_mode():
            return self.forward(here.input_ids, here.mask, here.bins)

    def pool(self, h_BLD: Tensor, minibatch: Minibatch) -> Tensor:
        """Average the states of each cell, as the model's padding has it.

        Parameters
        ----------
        h_BLD
            Token states, shape ``(batch, seqlen, d_model)``.
        minibatch
            What they come from.

        Returns
        -------
        Shape ``(batch, d_model)``.
        """
        return pool_cells(h_BLD, minibatch.mask.to(h_BLD.device), padding=self.config.padding)


def open_encoder(
    model: GeneMamba,
    *,
    device: torch.device,
    backend: BackendOption = "torch",
    precision: Precision = "fp32",
) -> Encoder:
    """Prepare a model for inference.

    Parameters
    ----------
    model
        Trained; it is left as it is.
    device
        Where it is to run.
    backend
        Program that runs it.
    precision
        Number format of weights and states.

    Raises
    ------
    ModelError
        There is no such backend or precision, or the device has no instructions for it.
    """
    check_precision(precision, device=device)
    ready = load_backend(model, backend, device=device, dtype=DTYPES[precision])
    return Encoder(forward=ready, device=device, config=model.config)
