"""The loop of a training: steps, looks at the held-out loss, saved states, and what a failure keeps."""

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

import torch

from genemamba.errors import ModelError
from genemamba.storage import Progress
from genemamba.training.config import StepRecord, TrainingConfig, TrainingEvent
from genemamba.training.early_stopping import BestModel
from genemamba.training.processes import Processes
from genemamba.training.resume import STATE_FILE, TrainingState, restore_state, save_state
from genemamba.training.scoring import heldout_loss
from genemamba.training.speed import Speed, read_ahead
from genemamba.training.stepping import NotFiniteError, Stepper

SAVE_EVERY: Final = 50
"""Steps between two saved states: half a minute of work is lost at most with `small`."""

LAST_GOOD: Final = "last-good"
"""Folder beside the state that keeps, as a checkpoint, the model of a training that failed."""

Watch = Callable[[str], None]
"""Called with how it goes, in a few words."""

SaveModel = Callable[[Path, TrainingState], None]
"""Writes the model of a state into a folder, as a checkpoint."""

logger = logging.getLogger(__name__)


def run_steps(
    state: TrainingState,
    stepper: Stepper,
    keeper: "Keeper",
    speed: Speed,
    *,
    progress: Progress | None,
    watch: Watch | None,
) -> float | None:
    """Take the steps that are left, and turn to the model to end with.

    Parameters
    ----------
    state
        Of the training; changed in place.
    stepper
        Takes its steps.
    keeper
        Keeps its states on disk.
    speed
        Told of every step.
    progress
        Called with steps done and steps in all.
    watch
        Told loss and speed after each step.

    Returns
    -------
    The held-out loss; None without held-out cells.

    Raises
    ------
    ModelError
        A loss, a gradient or a weight left the finite numbers; the last good model is kept.
    """
    try:
        _run(state, stepper, keeper, speed, progress=progress, watch=watch)
        loss = _finish(state, stepper)
    except NotFiniteError as error:
        keeper.fail(state, error)
    keeper.save(state)
    return loss


def _run(
    state: TrainingState,
    stepper: Stepper,
    keeper: "Keeper",
    speed: Speed,
    *,
    progress: Progress | None,
    watch: Watch | None,
) -> None:
    """Take the steps that are left."""
    config = stepper.course.config
    with read_ahead(stepper.course.minibatches) as read:
        while (step := len(state.history) + 1) <= config.steps and not _is_over(state, config):
            with speed.step():
                with speed.waiting():
                    minibatches = read(step)
                record = stepper.take(step, minibatches)
                if keeper.is_due(done=step - 1):
                    # Only now is it known that these weights give a finite loss.
                    keeper.save(state)
                    logger.info(_describe(record, speed))
                seen = state.history[-1].tokens_seen if state.history else 0
                stepper.update(record)
            speed.tokens += record.tokens_seen - seen
            if config.patience is not None and (
                step % config.evaluate_every == 0 or step == config.steps
            ):
                _look(state, stepper)
            if watch:
                watch(_describe(record, speed))
            if progress:
                progress(step, config.steps)


def _look(state: TrainingState, stepper: Stepper) -> None:
    """Compare the model with the best so far."""
    step, loss = len(state.history), _heldout(state, stepper)
    assert loss is not None  # noqa: S101  # the course has refused to go without such cells
    state.events.append(TrainingEvent(step=step, kind="heldout", value=loss))
    state.best = BestModel.judge(state.best, state.model, step=step, loss=loss)
    if _is_over(state, stepper.course.config):
        state.events.append(TrainingEvent(step=step, kind="stopped-early", value=state.best.loss))


def _is_over(state: TrainingState, config: TrainingConfig) -> bool:
    return (
        config.patience is not None
        and state.best is not None
        and state.best.looks_since >= config.patience
    )


def _finish(state: TrainingState, stepper: Stepper) -> float | None:
    """Turn to the model to end with, and return its held-out loss."""
    if state.best is not None:
        state.model.load_state_dict(state.best.weights)
        return state.best.loss
    sums = torch.stack([weight.detach().sum() for weight in state.model.parameters()])
    if not sums.isfinite().all():
        raise NotFiniteError(what="weights that are not", step=len(state.history))
    return _heldout(state, stepper)


def _heldout(state: TrainingState, stepper: Stepper) -> float | None:
    loss = heldout_loss(stepper.scorer, stepper.course, stepper.processes)
    if loss is not None and not math.isfinite(loss):
        raise NotFiniteError(what=f"{loss} of held-out cells", step=len(state.history))
    return loss


@dataclass(kw_only=True)
class Keeper:
    """What of a training is kept on disk."""

    folder: Path | None
    """Local, seen by all processes; None keeps nothing."""
    save_every: int
    """Steps between two saved states."""
    fingerprint: str
    """Digest of all that decides the training's course."""
    writes: bool
    """Whether this process is the one that writes."""
    save_model: SaveModel
    """Keeps the last good model."""

    def restore(self, state: TrainingState, processes: Processes) -> None:
        """Bring a fresh state to where a killed training of the same kind was.

        Parameters
        ----------
        state
            Changed in place.
        processes
            Which train together.

        Raises
        ------
        ModelError
            The saved state is of another training, or not all processes see it.
        """
        if self.folder:
            restore_state(self.folder, state, fingerprint=self.fingerprint)
        (mean,) = processes.mean(len(state.history))
        if mean != len(state.history):
            msg = (
                f"Expected the same state for all processes in {self.folder}, found others:"
                " put it on a disk that all of them share."
            )
            raise ModelError(msg)

    def is_due(self, *, done: int) -> bool:
        """Say whether a state is to be saved after so many steps."""
        return done % self.save_every == 0

    def save(self, state: TrainingState) -> None:
        """Write a state, where this process does."""
        if self.folder and self.writes:
            save_state(self.folder, state, fingerprint=self.fingerprint)

    def fail(self, state: TrainingState, error: NotFiniteError) -> NoReturn:
        """Keep the last good model as a checkpoint, and say where it is.

        Raises
        ------
        ModelError
            Always.
        """
        kept = "No model was kept, as no folder was given to resume from."
        if self.folder and (self.folder / STATE_FILE).is_file():
            restore_state(self.folder, state, fingerprint=self.fingerprint)
            if self.writes:
                self.save_model(self.folder / LAST_GOOD, state)
            kept = (
                f"The model after step {len(state.history)}, the last that was saved and good, is"
                f" a checkpoint in {self.folder / LAST_GOOD}."
            )
        msg = f"{error} {kept} Lower the learning rate, or train with another seed."
        raise ModelError(msg) from error


def _describe(record: StepRecord, speed: Speed) -> str:
    rate = f", {speed.tokens_per_s:,.0f} tokens/s" if speed.tokens_per_s else ""
    return f"step {record.step}: loss {record.loss:.3f}{rate}"
