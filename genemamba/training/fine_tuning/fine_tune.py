"""Fine-tuning: a model and a linear head learn labels together, through the loop of pretraining."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from genemamba.annotation.labelled_cells import check_learnable, draw_labelled
from genemamba.annotation.linear_probe import LinearProbe, fit_probe
from genemamba.annotation.probe_files import save_probe
from genemamba.errors import ModelError, SchemaError
from genemamba.keys import UNKNOWN
from genemamba.nn.backends.training_kernels import training_kernels
from genemamba.nn.model import GeneMamba
from genemamba.nn.pooling import pool_cells
from genemamba.provenance import digest_json
from genemamba.storage import Progress
from genemamba.tokens.minibatch import pad_cells
from genemamba.tokens.stored_tokens import TokenSource
from genemamba.tokens.token_set import sha256_of_arrays
from genemamba.tokens.vocabulary import MASK_NAME, Vocabulary
from genemamba.training.checkpoint import Checkpoint, save_checkpoint
from genemamba.training.config import TrainingConfig, TrainingEvent
from genemamba.training.course import Course
from genemamba.training.early_stopping import BestModel
from genemamba.training.fine_tuning.classifier import Classifier, LabelScorer, class_weights
from genemamba.training.fine_tuning.settings import FineTuning
from genemamba.training.fine_tuning.validation import validation_split
from genemamba.training.loop import SAVE_EVERY, Keeper, Watch, run_steps
from genemamba.training.optimizer import make_optimizer
from genemamba.training.processes import Processes
from genemamba.training.resume import TrainingState
from genemamba.training.scoring import heldout_loss
from genemamba.training.speed import Speed
from genemamba.training.stepping import Stepper

MINIBATCH: Final = 64
"""Cells that are embedded at a time for the head that training starts from."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FineTuned:
    """A model that saw labels, its head, and how they came about."""

    checkpoint: Checkpoint
    """A model like any other; its embedding is shaped by labels."""
    probe: LinearProbe
    """The head that was trained with it, a function of its embedding."""
    n_train: int
    """Cells learnt from."""
    validation_rows: npt.NDArray[np.int64]
    """Cells that told when to stop, ascending: labelled, and not learnt from."""
    speed: Speed
    """Of the steps that this process took."""


def save_fine_tuned(folder: Path, result: FineTuned) -> None:
    """Write a checkpoint with its head beside it.

    Parameters
    ----------
    folder
        Made where it is absent.
    result
        What to write.

    Raises
    ------
    StorageError
        The folder cannot be written.
    """
    save_probe(folder, result.probe)
    save_checkpoint(folder, result.checkpoint)


def fine_tune(
    base: GeneMamba,
    vocabulary: Vocabulary,
    tokens: TokenSource,
    labels: npt.ArrayLike,
    batch: npt.ArrayLike,
    settings: FineTuning,
    *,
    device: torch.device,
    resume_dir: Path | None = None,
    save_every: int = SAVE_EVERY,
    progress: Progress | None = None,
    watch: Watch | None = None,
) -> FineTuned:
    """Train every weight of a model to name labels, with early stopping on cells set apart.

    Equal arguments give an equal model on one machine and thread count, interrupted or not.

    Parameters
    ----------
    base
        Pretrained or fresh; left as it is.
    vocabulary
        That the tokens come from.
    tokens
        Cells in rank encoding, as `base` reads them.
    labels
        Label of each cell, `UNKNOWN` where there is none, shape ``(n_obs,)``. Cells that are to be
        judged later must have none.
    batch
        Experimental batch of each cell, shape ``(n_obs,)``.
    settings
        How to train.
    device
        Where to train.
    resume_dir
        Local folder for the state of the training, from which a killed one goes on.
    save_every
        Steps between two saved states.
    progress
        Called with steps done and steps in all.
    watch
        Told loss and speed after each step.

    Raises
    ------
    SchemaError
        Fewer than two types have a label, or there are not as many labels as cells.
    InputError
        A cell has more tokens than the model reads.
    ModelError
        The vocabulary is not of the model's size, a loss or a gradient left the finite numbers,
        or `resume_dir` holds the state of another training.
    """
    labels, batch = (np.asarray(values, dtype=object).astype(str) for values in (labels, batch))
    _check(base, vocabulary, tokens, labels, batch)
    drawn = _drawn(labels, tokens.lengths, settings)
    names = tuple(sorted(set(labels[drawn])))
    numbers = np.full(len(labels), -1, dtype=np.int64)
    numbers[drawn] = np.searchsorted(names, labels[drawn])
    split = validation_split(
        numbers,
        batch,
        tokens.lengths,
        fraction=settings.training.heldout_fraction,
        seed=settings.training.seed,
    )
    config = settings.training
    processes = Processes.join(config, device=device)
    rows = split.train
    X = embed_rows(base.to(processes.device), tokens, rows)
    # Its own labels first, so that the weights below it are not torn about by a head that knows
    # nothing: linear probing, then fine-tuning (Kumar et al. 2022, arXiv 2202.10054).
    probe = fit_probe(
        X,
        labels[rows],
        seed=config.seed,
        standardise=False,
        class_weight_power=settings.class_weight_power,
    )
    model = Classifier(base, probe).to(processes.device)
    model.mamba_mixer.checkpoint_layers = config.checkpoint_layers
    course = Course(
        tokens,
        config,
        rank=processes.rank,
        n_processes=processes.n_processes,
        labels=numbers,
        split=split,
    )
    state = TrainingState(model=model, optimizer=make_optimizer(model, config))

    def save_good(folder: Path, state: TrainingState) -> None:
        save_probe(folder, model.probe(names))
        save_checkpoint(folder, _checkpoint(model, state, vocabulary, config, loss=None))

    weights = [weight.detach().cpu().numpy() for weight in base.state_dict().values()]
    keeper = Keeper(
        folder=resume_dir,
        save_every=save_every,
        fingerprint=digest_json(
            {
                "fine-tuning": settings.to_dict(),
                "base": sha256_of_arrays(*weights),
                "vocabulary": vocabulary.digest,
                "tokens": tokens.digest,
                "labels": list(names),
                "numbers": sha256_of_arrays(numbers),
                "split": sha256_of_arrays(*split),
                "processes": processes.n_processes,
            }
        ),
        writes=processes.rank == 0,
        save_model=save_good,
    )
    keeper.restore(state, processes)
    n_cells = np.bincount(numbers[rows], minlength=len(names))
    scorer = LabelScorer(
        model,
        config,
        mask_token=vocabulary.mask_token if MASK_NAME in vocabulary.further else None,
        class_weights_C=class_weights(n_cells, power=settings.class_weight_power).to(
            processes.device
        ),
        label_smoothing=settings.label_smoothing,
    )
    stepper, speed = Stepper(state, course, processes, scorer), Speed()
    if config.patience is not None and state.best is None:
        # A fine-tuning that only makes it worse must end with the model and head it began with.
        first = heldout_loss(stepper.scorer, course, processes)
        assert first is not None  # noqa: S101  # the course has refused to go without such cells
        state.events.append(TrainingEvent(step=0, kind="heldout", value=first))
        state.best = BestModel.judge(None, model, step=0, loss=first)
    with training_kernels(model, device=processes.device):
        loss = run_steps(state, stepper, keeper, speed, progress=progress, watch=watch)
    return FineTuned(
        checkpoint=_checkpoint(model, state, vocabulary, config, loss=loss),
        probe=model.probe(names),
        n_train=len(rows),
        validation_rows=split.heldout,
        speed=speed,
    )


@torch.no_grad()
def embed_rows(
    model: GeneMamba, tokens: TokenSource, rows: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32]:
    """Embed some cells where the model is; those of similar length together.

    Parameters
    ----------
    model
        Not changed.
    tokens
        Of all cells.
    rows
        Cells to embed, at least one, shape ``(n_rows,)``.

    Returns
    -------
    Shape ``(n_rows, d_model)``.
    """
    device = next(model.parameters()).device
    X = np.empty((len(rows), model.config.d_model), dtype=np.float32)
    order = np.argsort(tokens.lengths[rows], kind="stable")
    for start in range(0, len(rows), MINIBATCH):
        here = order[start : start + MINIBATCH]
        cells = pad_cells(
            tokens.take(rows[here]), np.arange(len(here)), row_seqlen=model.config.row_seqlen
        ).to(device)
        X[here] = (
            pool_cells(model(*cells), cells.mask, padding=model.config.padding)
            .float()
            .cpu()
            .numpy()
        )
    return X


def _checkpoint(
    model: Classifier,
    state: TrainingState,
    vocabulary: Vocabulary,
    config: TrainingConfig,
    *,
    loss: float | None,
) -> Checkpoint:
    return Checkpoint(
        model=model.base(),
        vocabulary=vocabulary,
        training_config=config,
        history=tuple(state.history),
        heldout_loss=loss,
        events=tuple(state.events),
    )


def _drawn(
    labels: npt.NDArray[np.str_], lengths: npt.NDArray[np.int64], settings: FineTuning
) -> npt.NDArray[np.intp]:
    """Choose the cells that training may use: labelled, with a token, not too many of a type."""
    usable = np.where(lengths > 0, labels, UNKNOWN).astype(object)
    check_learnable(usable)
    return draw_labelled(
        usable,
        seed=settings.training.seed,
        max_cells_per_type=settings.max_cells_per_type,
    )


def _check(
    base: GeneMamba,
    vocabulary: Vocabulary,
    tokens: TokenSource,
    labels: Sequence[str] | npt.NDArray[np.str_],
    batch: Sequence[str] | npt.NDArray[np.str_],
) -> None:
    if vocabulary.size != base.config.vocab_size:
        msg = f"Expected vocab_size={vocabulary.size}, found {base.config.vocab_size}."
        raise ModelError(msg)
    n_obs = len(tokens.lengths)
    if len(labels) != n_obs or len(batch) != n_obs:
        raise SchemaError(
            expected=f"a label and a batch for each of {n_obs:,} cells",
            found=f"{len(labels):,} labels and {len(batch):,} batches",
            remedy="Give those of the cells whose tokens these are.",
        )
