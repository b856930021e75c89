"""A model that reads a minibatch in parts, for machines that cannot hold it at once.

The parts' states are put together before anything is scored, so an objective that compares cells
with one another sees all of them. Nothing inside a part is kept for the gradient: each is read a
second time when its turn comes, and memory holds one part at a time.
"""

from collections.abc import Callable
from typing import Any, Final

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from genemamba.errors import ModelError
from genemamba.nn.mixer import Directions
from genemamba.nn.model import GeneMamba

OUT_OF_MEMORY: Final = ("out of memory", "can't allocate memory", "Cannot allocate memory")
"""What torch's allocators say; the one of CPUs has no exception of its own."""


class MicroBatches:
    """A model, read in parts where `rows_at_once` says so.

    Parameters
    ----------
    model
        Whose attributes this has, too.
    rows_at_once
        Rows that go through the model at once; None for all.

    References
    ----------
    Representations first, then their parts once more for the gradient: GradCache, Gao et al.,
    arXiv 2101.06983. Here autograd does it, with one part for a checkpoint.
    """

    def __init__(self, model: GeneMamba, *, rows_at_once: int | None = None) -> None:
        self.model = model
        self.rows_at_once = rows_at_once
        self._most_rows = 0

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # whatever the model has
        return getattr(self.model, name)

    def __call__(self, *inputs: Tensor | None) -> Tensor:
        """Return what the model does, of all rows.

        Parameters
        ----------
        inputs
            As for `read`.
        """
        states: Tensor = self.read(self.model, *inputs)
        return states

    def read_apart(self, *inputs: Tensor | None) -> Directions:
        """Return what the model's method of this name does, of all rows.

        Parameters
        ----------
        inputs
            As for `read`.
        """
        read: Directions = self.read(self.model.read_apart, *inputs)
        return read

    def read(self, function: Callable[..., Any], *inputs: Tensor | None) -> Any:  # noqa: ANN401
        """Apply a function of rows in parts.

        Parameters
        ----------
        function
            Returns a tensor, or a tuple of them, with a row for each row it is given, which
            depends on that row alone.
        inputs
            Tensors whose first dimension is that of the rows, or None.
        """
        n_rows = next(len(tensor) for tensor in inputs if tensor is not None)
        at_once = min(self.rows_at_once or n_rows, n_rows)
        self._most_rows = max(self._most_rows, at_once)
        if at_once == n_rows:
            return function(*inputs)
        starts = range(0, n_rows, at_once)
        parts = [
            _read_again(function, *(None if t is None else t[at : at + at_once] for t in inputs))
            for at in starts
        ]
        if isinstance(parts[0], Tensor):
            return torch.cat(parts)
        columns = [torch.cat(column) for column in zip(*parts, strict=True)]
        make: Callable[..., Any] = getattr(type(parts[0]), "_make", tuple)
        return make(columns)

    def halve(self) -> int:
        """Read half as many rows at once from now on, and return how many.

        Raises
        ------
        ModelError
            A single row was too many.
        """
        if self._most_rows <= 1:
            msg = (
                "Expected memory for one cell, found too little. Keep fewer tokens of a cell"
                " (seqlen), set checkpoint_layers, or take a smaller model."
            )
            raise ModelError(msg)
        self.rows_at_once = self._most_rows // 2
        self._most_rows = 0
        return self.rows_at_once


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error is an allocator's refusal, of a GPU's memory or of the machine's.

    Parameters
    ----------
    error
        Any exception.
    """
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in OUT_OF_MEMORY)


def _read_again(function: Callable[..., Any], *inputs: Tensor | None) -> Any:  # noqa: ANN401
    if not torch.is_grad_enabled():
        return function(*inputs)
    return checkpoint(function, *inputs, use_reentrant=False, preserve_rng_state=False)
