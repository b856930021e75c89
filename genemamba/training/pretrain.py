"""Pretraining: a fresh model learns from cells alone, without any label."""

import hashlib
import math
from pathlib import Path
from typing import Final

import torch

from genemamba.errors import InputError, ModelError
from genemamba.nn.config import ModelConfig
from genemamba.nn.losses import PretrainingLoss, pretraining_loss
from genemamba.nn.model import GeneMamba, build_model
from genemamba.provenance import digest_json
from genemamba.storage import Progress
from genemamba.tokens.minibatch import Minibatch, pad_cells
from genemamba.tokens.token_set import TokenSet
from genemamba.tokens.vocabulary import Vocabulary
from genemamba.training.checkpoint import Checkpoint
from genemamba.training.config import StepRecord, TrainingConfig
from genemamba.training.optimizer import learning_rate, make_optimizer
from genemamba.training.resume import TrainingState, restore_state, save_state
from genemamba.training.sampling import (
    Split,
    Stream,
    epoch_minibatches,
    int_seed,
    split_cells,
    torch_generator,
)

SAVE_EVERY: Final = 50
"""Steps between two saved states: half a minute of work is lost at most with `small`."""

PretrainResult = Checkpoint
"""What a pretraining ends with is what a checkpoint keeps."""


def pretrain(
    tokens: TokenSet,
    vocabulary: Vocabulary,
    model_config: ModelConfig,
    training_config: TrainingConfig,
    *,
    device: torch.device,
    resume_dir: Path | None = None,
    save_every: int = SAVE_EVERY,
    progress: Progress | None = None,
) -> PretrainResult:
    """Train a fresh model.

    On one machine and thread count the result depends on the arguments alone, whether or not the
    training was interrupted.

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
    resume_dir
        Local folder for the state of the training; a state of the same training that is found
        there is continued.
    save_every
        Steps between two saved states.
    progress
        Called with steps done and steps in all.

    Raises
    ------
    InputError
        There are no tokens, or a cell has more than ``training_config.seqlen``.
    ModelError
        The vocabulary is not of the model's size, the loss left the finite numbers, or
        `resume_dir` holds the state of another training.
    """
    _check(tokens, vocabulary, model_config, training_config)
    fingerprint = _fingerprint(tokens, vocabulary, model_config, training_config)
    state = _fresh_state(model_config, training_config, device=device)
    if resume_dir:
        restore_state(resume_dir, state, fingerprint=fingerprint)
    course = _Course(tokens, vocabulary, training_config)
    while (step := len(state.history) + 1) <= training_config.steps:
        _take_step(state, course.minibatch(step).to(device), course, step=step)
        if resume_dir and (step % save_every == 0 or step == training_config.steps):
            save_state(resume_dir, state, fingerprint=fingerprint)
        if progress:
            progress(step, training_config.steps)
    return PretrainResult(
        model=state.model,
        vocabulary=vocabulary,
        training_config=training_config,
        history=tuple(state.history),
        heldout_loss=_heldout_loss(state.model, course, device=device),
    )


class _Course:
    """What each step sees."""

    def __init__(self, tokens: TokenSet, vocabulary: Vocabulary, config: TrainingConfig) -> None:
        self.tokens = tokens
        self.mask_token = vocabulary.mask_token
        self.config = config
        self.split: Split = split_cells(
            tokens.lengths, fraction=config.heldout_fraction, seed=config.seed
        )
        self.steps_per_epoch = math.ceil(len(self.split.train) / config.minibatch_size)
        self._epoch = -1

    def minibatch(self, step: int) -> Minibatch:
        epoch, position = divmod(step - 1, self.steps_per_epoch)
        if epoch != self._epoch:
            self._minibatches = epoch_minibatches(
                self.tokens.lengths,
                self.split.train,
                minibatch_size=self.config.minibatch_size,
                seed=self.config.seed,
                epoch=epoch,
            )
            self._epoch = epoch
        return pad_cells(self.tokens, self._minibatches[position])


def _take_step(state: TrainingState, minibatch: Minibatch, course: _Course, *, step: int) -> None:
    config = course.config
    lr = learning_rate(step, config)
    for group in state.optimizer.param_groups:
        group["lr"] = lr
    loss = _loss(state.model, minibatch, course, torch_generator(config.seed, Stream.MASK, step))
    total = loss.naming + config.contrast_weight * loss.contrast
    if not math.isfinite(total.item()):
        msg = (
            f"Expected a finite loss, found {total.item()} at step {step}. Lower the learning rate."
        )
        raise ModelError(msg)
    state.optimizer.zero_grad()
    total.backward()  # type: ignore[no-untyped-call]  # torch has none
    torch.nn.utils.clip_grad_norm_(state.model.parameters(), config.grad_clip)
    state.optimizer.step()
    seen = state.history[-1].tokens_seen if state.history else 0
    state.history.append(
        StepRecord(
            step=step,
            loss=loss.naming.item(),
            contrast_loss=loss.contrast.item(),
            lr=lr,
            tokens_seen=seen + int(minibatch.mask.sum()),
        )
    )


def _loss(
    model: GeneMamba, minibatch: Minibatch, course: _Course, generator: torch.Generator
) -> PretrainingLoss:
    return pretraining_loss(
        model,
        minibatch.input_ids,
        minibatch.mask,
        mask_token=course.mask_token,
        fraction=course.config.mask_fraction,
        temperature=course.config.temperature,
        generator=generator,
    )


@torch.no_grad()
def _heldout_loss(model: GeneMamba, course: _Course, *, device: torch.device) -> float | None:
    config, rows = course.config, course.split.heldout
    minibatches = epoch_minibatches(
        course.tokens.lengths, rows, minibatch_size=config.minibatch_size, seed=0, epoch=0
    )
    total, n_tokens = 0.0, 0
    for index, chosen in enumerate(minibatches if len(rows) else []):
        minibatch = pad_cells(course.tokens, chosen).to(device)
        generator = torch_generator(config.seed, Stream.HELDOUT_MASK, index)
        weight = int(minibatch.mask.sum())
        total += weight * _loss(model, minibatch, course, generator).naming.item()
        n_tokens += weight
    return total / n_tokens if n_tokens else None


def _fresh_state(
    model_config: ModelConfig, config: TrainingConfig, *, device: torch.device
) -> TrainingState:
    seed = int_seed(config.seed, Stream.WEIGHTS)
    model = build_model(model_config, seed=seed, device=device)
    return TrainingState(model=model, optimizer=make_optimizer(model, config))


def _fingerprint(
    tokens: TokenSet, vocabulary: Vocabulary, model_config: ModelConfig, config: TrainingConfig
) -> str:
    digest = hashlib.sha256(tokens.indptr.tobytes())
    digest.update(tokens.tokens.tobytes())
    return digest_json(
        {
            "model": model_config.to_dict(),
            "training": config.to_dict(),
            "vocabulary": vocabulary.digest,
            "tokens": digest.hexdigest(),
        }
    )


def _check(
    tokens: TokenSet, vocabulary: Vocabulary, model_config: ModelConfig, config: TrainingConfig
) -> None:
    if vocabulary.size != model_config.vocab_size:
        msg = f"Expected vocab_size={vocabulary.size}, found {model_config.vocab_size}."
        raise ModelError(msg)
    longest = int(tokens.lengths.max(initial=0))
    if not 1 <= longest <= config.seqlen:
        raise InputError(
            expected=f"cells of up to {config.seqlen} tokens",
            found=f"{longest} tokens in the longest",
            remedy="Encode raw counts of known genes with the same seqlen.",
        )
