"""Pretraining: a fresh model learns from cells alone, without any label."""

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NoReturn

import numpy as np
import torch

from genemamba.errors import ModelError
from genemamba.nn.backends.training_kernels import training_kernels
from genemamba.nn.config import ModelConfig
from genemamba.nn.model import build_model
from genemamba.provenance import digest_json
from genemamba.storage import Progress
from genemamba.tokens.gene_sets import GeneSets
from genemamba.tokens.stored_tokens import TokenSource
from genemamba.tokens.vocabulary import Vocabulary
from genemamba.training.checkpoint import Checkpoint, save_checkpoint
from genemamba.training.config import StepRecord, TrainingConfig, TrainingEvent
from genemamba.training.course import Course
from genemamba.training.early_stopping import BestModel
from genemamba.training.objectives import make_objective
from genemamba.training.optimizer import make_optimizer
from genemamba.training.processes import Processes
from genemamba.training.resume import STATE_FILE, TrainingState, restore_state, save_state
from genemamba.training.sampling import Stream, int_seed
from genemamba.training.scoring import heldout_loss
from genemamba.training.speed import Speed, read_ahead
from genemamba.training.stepping import NotFiniteError, Stepper

SAVE_EVERY: Final = 50
"""Steps between two saved states: half a minute of work is lost at most with `small`."""

LAST_GOOD: Final = "last-good"
"""Folder beside the state that keeps, as a checkpoint, the model of a training that failed."""

Watch = Callable[[str], None]
"""Called with how it goes, in a few words."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PretrainResult(Checkpoint):
    """What a checkpoint keeps, and how fast it was made."""

    speed: Speed = field(default_factory=Speed)
    """Of the steps that this process took."""


def pretrain(
    tokens: TokenSource,
    vocabulary: Vocabulary,
    model_config: ModelConfig,
    training_config: TrainingConfig,
    *,
    device: torch.device,
    gene_sets: GeneSets | None = None,
    resume_dir: Path | None = None,
    save_every: int = SAVE_EVERY,
    progress: Progress | None = None,
    watch: Watch | None = None,
) -> PretrainResult:
    """Train a fresh model.

    On one machine and thread count the result depends on the arguments and on the number of
    processes alone, whether or not the training was interrupted. Under ``torchrun``, or ``accelerate
    launch`` on GPUs, every process calls this with the same arguments, and all return the same model;
    each contrasts its own cells.

    Parameters
    ----------
    tokens
        Cells in rank encoding, at most ``training_config.seqlen`` tokens each.
    vocabulary
        That the tokens come from.
    model_config, training_config
        What to train, and how.
    device
        Where to train.
    gene_sets
        Those that ``training_config.gene_sets`` names, if it does.
    resume_dir
        Local folder for the state of the training, which all processes see; a state of the same
        training that is found there is continued. Only states whose loss was finite are written.
    save_every
        Steps between two saved states.
    progress
        Called with steps done and steps in all.
    watch
        Told loss and speed after each step.

    Raises
    ------
    InputError
        There are no tokens, a cell has more than ``training_config.seqlen``, or there are no
        held-out cells to stop early by.
    ModelError
        The vocabulary is not of the model's size, the model cannot have the objective, the gene
        sets are not those of the configuration, the device lacks the precision, the loss or a
        gradient left the finite numbers, memory does not suffice for a single cell, or
        `resume_dir` holds the state of another training.
    """
    _check(tokens, vocabulary, model_config)
    processes = Processes.join(training_config, device=device)
    course = Course(tokens, training_config, rank=processes.rank, n_processes=processes.n_processes)
    state = _fresh_state(model_config, training_config, device=processes.device)
    keeper = _Keeper(
        folder=resume_dir,
        vocabulary=vocabulary,
        config=training_config,
        save_every=save_every,
        fingerprint=_fingerprint(tokens, vocabulary, model_config, training_config, processes),
        writes=processes.rank == 0,
    )
    keeper.restore(state, processes)
    objective = make_objective(
        training_config, model_config, vocabulary, gene_sets=gene_sets, device=processes.device
    )
    stepper = Stepper(state, course, processes, objective)
    speed = Speed()
    try:
        with training_kernels(state.model, device=processes.device):
            _run(state, stepper, keeper, speed, progress=progress, watch=watch)
            loss = _finish(state, stepper)
    except NotFiniteError as error:
        keeper.fail(state, error)
    keeper.save(state)
    return PretrainResult(
        model=state.model,
        vocabulary=vocabulary,
        training_config=training_config,
        history=tuple(state.history),
        heldout_loss=loss,
        events=tuple(state.events),
        speed=speed,
    )


def _run(
    state: TrainingState,
    stepper: Stepper,
    keeper: "_Keeper",
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
class _Keeper:
    """What of a training is kept on disk."""

    folder: Path | None
    vocabulary: Vocabulary
    config: TrainingConfig
    save_every: int
    fingerprint: str
    writes: bool

    def restore(self, state: TrainingState, processes: Processes) -> None:
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
        return done % self.save_every == 0

    def save(self, state: TrainingState) -> None:
        if self.folder and self.writes:
            save_state(self.folder, state, fingerprint=self.fingerprint)

    def fail(self, state: TrainingState, error: NotFiniteError) -> NoReturn:
        """Keep the last good model as a checkpoint, and say where it is."""
        kept = "No model was kept, as no folder was given to resume from."
        if self.folder and (self.folder / STATE_FILE).is_file():
            restore_state(self.folder, state, fingerprint=self.fingerprint)
            good = Checkpoint(
                model=state.model,
                vocabulary=self.vocabulary,
                training_config=self.config,
                history=tuple(state.history),
                heldout_loss=state.best.loss if state.best else None,
                events=tuple(state.events),
            )
            if self.writes:
                save_checkpoint(self.folder / LAST_GOOD, good)
            kept = (
                f"The model after step {len(state.history)}, the last that was saved and good, is"
                f" a checkpoint in {self.folder / LAST_GOOD}."
            )
        msg = f"{error} {kept} Lower the learning rate, or train with another seed."
        raise ModelError(msg) from error


def _describe(record: StepRecord, speed: Speed) -> str:
    rate = f", {speed.tokens_per_s:,.0f} tokens/s" if speed.tokens_per_s else ""
    return f"step {record.step}: loss {record.loss:.3f}{rate}"


def _fresh_state(
    model_config: ModelConfig, config: TrainingConfig, *, device: torch.device
) -> TrainingState:
    seed = int_seed(config.seed, Stream.WEIGHTS)
    model = build_model(model_config, seed=seed, device=device)
    model.mamba_mixer.checkpoint_layers = config.checkpoint_layers
    return TrainingState(model=model, optimizer=make_optimizer(model, config))


def _fingerprint(
    tokens: TokenSource,
    vocabulary: Vocabulary,
    model_config: ModelConfig,
    config: TrainingConfig,
    processes: Processes,
) -> str:
    return digest_json(
        {
            "model": model_config.to_dict(),
            "training": config.to_dict(),
            "vocabulary": vocabulary.digest,
            "tokens": tokens.digest,
            "processes": processes.n_processes,
        }
    )


def _check(tokens: TokenSource, vocabulary: Vocabulary, model_config: ModelConfig) -> None:
    if vocabulary.size != model_config.vocab_size:
        msg = f"Expected vocab_size={vocabulary.size}, found {model_config.vocab_size}."
        raise ModelError(msg)
    first = np.arange(min(1, len(tokens.lengths)))  # what one cell has, all have
    has_bins = tokens.take(first).bins is not None
    if has_bins != (model_config.value_bins > 0):
        found = "binned expression" if has_bins else "tokens alone"
        msg = (
            f"Expected tokens for a model with value_bins={model_config.value_bins}, found {found}."
            " Encode the cells with the value_bins of the model."
        )
        raise ModelError(msg)
