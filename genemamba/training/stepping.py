"""One update of the weights: gradients, with as much memory as there is, and the optimiser."""

import gc
import math
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from typing import NamedTuple

import torch
from torch import nn

from genemamba.errors import ModelError
from genemamba.tokens.minibatch import LabelledMinibatch, Minibatch
from genemamba.training.config import StepRecord, TrainingEvent
from genemamba.training.course import Course
from genemamba.training.micro_batches import is_out_of_memory
from genemamba.training.optimizer import learning_rate
from genemamba.training.processes import Processes
from genemamba.training.resume import TrainingState
from genemamba.training.scoring import AnyScorer


class NotFiniteError(ModelError):
    """A loss or a gradient left the finite numbers; the weights were not changed.

    Parameters
    ----------
    what
        Such as ``a loss of nan``.
    step
        The step that was to be taken.
    """

    def __init__(self, *, what: str, step: int) -> None:
        self.what, self.step = what, step
        super().__init__(f"Expected a finite loss, found {what} at step {step}.")


class _Means(NamedTuple):
    """What the minibatches of a step showed, averaged over them and over the processes."""

    losses: dict[str, float]
    """Parts of the loss by their names in `Losses`; those that the objective has."""
    n_tokens: int
    """Genes read, in all."""


class Stepper:
    """Takes the steps of a training.

    Parameters
    ----------
    state
        Of the training; `take` records there what happened, and `update` changes it.
    course
        What each step sees.
    processes
        Which train together.
    scorer
        Of the state's model, by what it is trained to do.
    """

    def __init__(
        self, state: TrainingState, course: Course, processes: Processes, scorer: AnyScorer
    ) -> None:
        self._state, self.course, self.processes = state, course, processes
        self._config = course.config
        self.scorer = scorer
        scorer.parts.rows_at_once = state.rows_at_once or self._config.micro_batch_size
        self._shared: nn.Module = processes.wrap(self.scorer)

    def take(self, step: int, minibatches: Sequence[Minibatch | LabelledMinibatch]) -> StepRecord:
        """Compute the gradients of a step; the weights stay as they are.

        Where memory does not suffice, the rows that go through the model at once are halved and
        the step is taken again: the same losses and gradients, but for rounding.

        Parameters
        ----------
        step
            Counted from 1.
        minibatches
            What it reads.

        Raises
        ------
        NotFiniteError
            The loss or the gradient is not finite, in any process.
        ModelError
            There is not enough memory for a single row, or for one of several processes.
        """
        while (means := self._try(step, minibatches)) is None:
            rows = self.scorer.parts.halve()
            self._state.rows_at_once = rows
            event = TrainingEvent(step=step - 1, kind="out-of-memory", value=rows)
            self._state.events.append(event)
        losses, history = means.losses, self._state.history
        if not all(map(math.isfinite, losses.values())):
            found = " and ".join(f"{value} ({name})" for name, value in losses.items())
            raise NotFiniteError(what=found, step=step)
        norm = self.processes.accelerator.clip_grad_norm_(
            self._state.model.parameters(), self._config.grad_clip
        )
        if not math.isfinite(norm):
            raise NotFiniteError(what=f"a gradient of norm {norm}", step=step)
        return StepRecord(
            step=step,
            loss=losses["tokens"],
            contrast_loss=losses.get("contrast"),
            lr=learning_rate(step, self._config),
            tokens_seen=(history[-1].tokens_seen if history else 0) + means.n_tokens,
            pathway_loss=losses.get("pathways"),
        )

    def update(self, record: StepRecord) -> None:
        """Change the weights by the gradients that `take` left, and enter the step.

        Parameters
        ----------
        record
            From `take`.
        """
        for group in self._state.optimizer.param_groups:
            group["lr"] = record.lr
        self._state.optimizer.step()
        self._state.history.append(record)

    def _try(
        self, step: int, minibatches: Sequence[Minibatch | LabelledMinibatch]
    ) -> _Means | None:
        """Return None where memory did not suffice; nothing of the attempt is left then."""
        try:
            return self._gradients(step, minibatches)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            if self.processes.n_processes > 1:
                # The others wait for this one's gradients, and cannot be told.
                msg = (
                    f"Expected memory for the cells of process {self.processes.rank}, found too"
                    f" little ({error}). Set micro_batch_size, or checkpoint_layers."
                )
                raise ModelError(msg) from error
        # Only now are the tensors gone that the exception's frames held, but for cycles of them.
        self._state.optimizer.zero_grad()
        gc.collect()
        if self.processes.device.type == "cuda":
            torch.cuda.empty_cache()
        return None

    def _gradients(self, step: int, minibatches: Sequence[Minibatch | LabelledMinibatch]) -> _Means:
        accelerator = self.processes.accelerator
        self._state.optimizer.zero_grad()
        sums: Counter[str] = Counter()
        n_tokens = 0
        generators = self.course.generators(step)
        for minibatch, generator in zip(minibatches, generators, strict=True):
            last = minibatch is minibatches[-1]
            with nullcontext() if last else accelerator.no_sync(self._shared):
                losses = self._shared(*minibatch.to(self.processes.device), generator)
                accelerator.backward(self.scorer.total(losses))
            sums.update({k: v.item() for k, v in losses._asdict().items() if v is not None})
            n_tokens += int(minibatch.mask.sum())
        means = self.processes.mean(*(value / len(minibatches) for value in sums.values()))
        (n_all,) = self.processes.sum(n_tokens)
        return _Means(dict(zip(sums, means, strict=True)), int(n_all))
