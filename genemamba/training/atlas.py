"""Pretraining on an atlas version: counts to vocabulary to tokens to model."""

import dataclasses
from pathlib import Path

import torch

from genemamba.atlas.versions.view import AtlasView
from genemamba.storage import Progress
from genemamba.tokens.rank import rank_tokens
from genemamba.tokens.vocabulary import Vocabulary
from genemamba.training.presets import PresetName, load_preset
from genemamba.training.pretrain import PretrainResult, pretrain


def pretrain_on_atlas(
    view: AtlasView,
    *,
    preset: PresetName,
    steps: int | None,
    seed: int,
    device: torch.device,
    resume_dir: Path | None = None,
    progress: Progress | None = None,
) -> PretrainResult:
    """Train a fresh model on every cell of an atlas, labelled or not, without its labels.

    Parameters
    ----------
    view
        The atlas version; its expressed genes become the vocabulary.
    preset
        Size of the model and course of its training.
    steps
        Training steps, instead of the preset's.
    seed
        Seed of weights, minibatches and masks.
    device
        Where the model is trained.
    resume_dir
        Local folder for the state from which a killed training goes on.
    progress
        Called with steps done and steps in all.
    """
    counts = view.counts()
    vocabulary = Vocabulary.from_counts(counts, view.gene_ids)
    chosen = load_preset(preset, vocab_size=vocabulary.size)
    overrides = {"seed": seed} | ({"steps": steps} if steps else {})
    training_config = dataclasses.replace(chosen.training, **overrides)
    tokens = rank_tokens(counts, vocabulary, view.gene_ids, seqlen=training_config.seqlen)
    return pretrain(
        tokens,
        vocabulary,
        chosen.model,
        training_config,
        device=device,
        resume_dir=resume_dir,
        progress=progress,
    )
