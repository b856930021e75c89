"""Pretraining on an atlas version: counts to vocabulary to tokens to model, all in blocks."""

import dataclasses
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from genemamba.atlas.genes.mapping import load_reference
from genemamba.atlas.versions.view import AtlasView
from genemamba.nn.objectives.objective import ObjectiveName
from genemamba.storage import Progress
from genemamba.tokens.gene_sets import GeneSets
from genemamba.tokens.gmt import GmtFile
from genemamba.tokens.stored_tokens import StoredTokens
from genemamba.tokens.vocabulary_building import vocabulary_of_blocks
from genemamba.training.config import GENE_SET_WEIGHT
from genemamba.training.loop import Watch
from genemamba.training.presets import PresetName, adapt_preset, load_preset
from genemamba.training.pretrain import PretrainResult, pretrain


def pretrain_on_atlas(
    view: AtlasView,
    *,
    preset: PresetName,
    steps: int | None,
    seed: int,
    device: torch.device,
    objective: ObjectiveName = "masked",
    gene_sets: GmtFile | None = None,
    gene_set_weight: float = GENE_SET_WEIGHT,
    value_tokens: bool = False,
    changes: Mapping[str, Any] | None = None,
    resume_dir: Path | None = None,
    cache: Path | None = None,
    progress: Progress | None = None,
    watch: Watch | None = None,
) -> PretrainResult:
    """Train a fresh model on every cell of an atlas, labelled or not, without its labels.

    Counts are read in blocks, and tokens stay on disk: memory holds the model, a block, and a few
    numbers a cell.

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
    objective
        What the model is trained to do.
    gene_sets
        Sets of genes that should have similar states; none by default.
    gene_set_weight
        Of that aim, beside naming genes.
    value_tokens
        Whether tokens tell their binned expression beside their rank.
    changes
        Further fields of `TrainingConfig`, instead of the preset's.
    resume_dir
        Local folder for the state from which a killed training goes on.
    cache
        Local folder of token stores, which the next training finds again; a temporary one by
        default.
    progress
        Called with steps done and steps in all.
    watch
        Told loss and speed after each step.

    Raises
    ------
    StoreError, CountsError, StorageError
        As for `genemamba.tokens.token_cache.ensure_token_store`.
    GenesError
        No gene set has enough measured genes.
    InputError, ModelError
        As for `genemamba.training.pretrain.pretrain`.
    """
    vocabulary = vocabulary_of_blocks(view.blocks, view.gene_ids)
    chosen = adapt_preset(
        load_preset(preset, vocab_size=vocabulary.size),
        objective=objective,
        value_tokens=value_tokens,
    )
    matched = GeneSets.match(gene_sets, vocabulary, load_reference()) if gene_sets else None
    training_config = dataclasses.replace(
        chosen.training,
        **(changes or {}),
        seed=seed,
        steps=steps or chosen.training.steps,
        gene_sets=matched.digest if matched else None,
        gene_set_weight=gene_set_weight,
    )
    with _folder(cache) as folder:
        tokens = StoredTokens.of_view(
            view,
            vocabulary,
            seqlen=training_config.seqlen,
            cache=folder,
            value_bins=chosen.model.value_bins,
        )
        return pretrain(
            tokens,
            vocabulary,
            chosen.model,
            training_config,
            device=device,
            gene_sets=matched,
            resume_dir=resume_dir,
            progress=progress,
            watch=watch,
        )


@contextmanager
def _folder(cache: Path | None) -> Iterator[Path]:
    if cache:
        yield cache
        return
    with TemporaryDirectory(prefix="genemamba-tokens-") as folder:
        yield Path(folder)
