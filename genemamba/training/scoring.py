"""The model and what it is trained to do, as one module."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from genemamba.nn.model import GeneMamba
from genemamba.nn.objectives.objective import Losses, Objective
from genemamba.training.config import TrainingConfig
from genemamba.training.course import Course
from genemamba.training.micro_batches import MicroBatches
from genemamba.training.processes import Processes


class AnyScorer(nn.Module, ABC):
    """A module that turns a minibatch into losses, by whatever its cells are to be scored."""

    parts: MicroBatches
    """The model, read in parts."""

    @abstractmethod
    def total(self, losses: Losses) -> Tensor:
        """Return the sum that is minimised.

        Parameters
        ----------
        losses
            Of a minibatch.
        """


class Scorer(AnyScorer):
    """Minibatch in, losses out: all that has a gradient, so that processes can average it.

    Parameters
    ----------
    model
        To be trained.
    objective
        What to train it to do.
    config
        How its parts are weighed.
    rows_at_once
        Rows that go through the model at once; None for all.
    """

    def __init__(
        self,
        model: GeneMamba,
        objective: Objective,
        config: TrainingConfig,
        *,
        rows_at_once: int | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self.objective = objective
        self.config = config
        self.parts = MicroBatches(model, rows_at_once=rows_at_once)

    def forward(
        self,
        input_ids_BL: Tensor,
        mask_BL: Tensor,
        bins_BL: Tensor | None,
        generator: torch.Generator,
    ) -> Losses:
        """Score a minibatch.

        Parameters
        ----------
        input_ids_BL
            Tokens, shape ``(batch, seqlen)``, integers.
        mask_BL
            True where a token is a gene, shape ``(batch, seqlen)``.
        bins_BL
            Binned expression of each token, shape ``(batch, seqlen)``, or None.
        generator
            Of the objective's random choices, on the CPU.
        """
        return self.objective.loss(
            self.parts,  # type: ignore[arg-type]  # it has what a model has
            input_ids_BL,
            mask_BL,
            bins_BL,
            generator=generator,
        )

    def total(self, losses: Losses) -> Tensor:
        """Return the sum that is minimised.

        Parameters
        ----------
        losses
            From `forward`.
        """
        return losses.total(
            contrast_weight=self.config.contrast_weight,
            pathway_weight=self.config.gene_set_weight,
        )


@torch.no_grad()
def heldout_loss(scorer: nn.Module, course: Course, processes: Processes) -> float | None:
    """Return the loss of the cells that are not trained on, the same on all processes.

    Parameters
    ----------
    scorer
        A `Scorer`, wrapped or not.
    course
        Of the training.
    processes
        Which share the cells.

    Returns
    -------
    Mean cross entropy of naming hidden genes, in nats, over the tokens, or of naming labels, over
    the cells; None without such cells.
    """
    total, n_tokens = 0.0, 0.0
    for minibatch, generator in course.heldout():
        weight = minibatch.n_scored
        total += weight * scorer(*minibatch.to(processes.device), generator).tokens.item()
        n_tokens += weight
    total, n_tokens = processes.sum(total, n_tokens)
    return total / n_tokens if n_tokens else None
