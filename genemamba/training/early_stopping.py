"""Stopping when the held-out loss no longer falls, with the best model kept."""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn


class BestModel(NamedTuple):
    """The model with the lowest held-out loss so far."""

    step: int
    """Steps that it was trained for."""
    loss: float
    """Its held-out loss, in nats."""
    looks_since: int
    """Looks at the held-out loss since then, none of which was lower."""
    weights: dict[str, Tensor]
    """On the CPU."""

    @classmethod
    def judge(
        cls, earlier: "BestModel | None", model: nn.Module, *, step: int, loss: float
    ) -> "BestModel":
        """Return the better one of the best so far and the model as it is now.

        Parameters
        ----------
        earlier
            The best so far; None before the first look.
        model
            As it is now.
        step
            Steps that it was trained for.
        loss
            Its held-out loss.
        """
        if earlier is not None and loss >= earlier.loss:
            return earlier._replace(looks_since=earlier.looks_since + 1)
        return cls(step, loss, 0, copy_weights(model))

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as ``torch.save`` can hold them."""
        return self._asdict()


def copy_weights(model: nn.Module) -> dict[str, Tensor]:
    """Return a copy of a model's weights, on the CPU.

    Parameters
    ----------
    model
        Left as it is.
    """
    return {
        name: torch.empty_like(weight, device="cpu").copy_(weight)
        for name, weight in model.state_dict().items()
    }
