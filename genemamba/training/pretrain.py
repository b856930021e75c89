"""Pretraining: a fresh model learns from cells alone, without any label."""

from dataclasses import dataclass, field
from pathlib import Path

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
from genemamba.training.config import TrainingConfig
from genemamba.training.course import Course
from genemamba.training.loop import SAVE_EVERY, Keeper, Watch, run_steps
from genemamba.training.objectives import make_objective
from genemamba.training.optimizer import make_optimizer
from genemamba.training.processes import Processes
from genemamba.training.resume import TrainingState
from genemamba.training.sampling import Stream, int_seed
from genemamba.training.scoring import Scorer
from genemamba.training.speed import Speed
from genemamba.training.stepping import Stepper


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

    def save_good(folder: Path, state: TrainingState) -> None:
        good = Checkpoint(
            model=state.model,
            vocabulary=vocabulary,
            training_config=training_config,
            history=tuple(state.history),
            heldout_loss=state.best.loss if state.best else None,
            events=tuple(state.events),
        )
        save_checkpoint(folder, good)

    keeper = Keeper(
        folder=resume_dir,
        save_every=save_every,
        fingerprint=_fingerprint(tokens, vocabulary, model_config, training_config, processes),
        writes=processes.rank == 0,
        save_model=save_good,
    )
    keeper.restore(state, processes)
    objective = make_objective(
        training_config, model_config, vocabulary, gene_sets=gene_sets, device=processes.device
    )
    stepper = Stepper(state, course, processes, Scorer(state.model, objective, training_config))
    speed = Speed()
    with training_kernels(state.model, device=processes.device):
        loss = run_steps(state, stepper, keeper, speed, progress=progress, watch=watch)
    return PretrainResult(
        model=state.model,
        vocabulary=vocabulary,
        training_config=training_config,
        history=tuple(state.history),
        heldout_loss=loss,
        events=tuple(state.events),
        speed=speed,
    )


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
