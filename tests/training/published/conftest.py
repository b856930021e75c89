"""Importing a folder as a user does."""

import numpy as np
import pytest
import torch

from genemamba.nn.model import build_model
from genemamba.tokens.vocabulary import Vocabulary
from genemamba.training.checkpoint import Checkpoint
from genemamba.training.presets import load_preset
from genemamba.training.published.files import find_files
from genemamba.training.published.importing import ImportedModel, ImportOptions, import_published


@pytest.fixture
def read():
    """Import a folder or file with some options."""

    def read_published(path, *, vocabulary=None, **options) -> ImportedModel:
        files = find_files(path, vocabulary=vocabulary)
        return import_published(files, ImportOptions(**options))

    return read_published


@pytest.fixture
def checkpoint_with_norms() -> Checkpoint:
    """A model of the smallest preset, which has norms that the published ones lack."""
    vocabulary = Vocabulary(("A", "B", "C"), np.ones(3, dtype=np.float32))
    preset = load_preset("tiny", vocab_size=vocabulary.size)
    return Checkpoint(
        model=build_model(preset.model, seed=0, device=torch.device("cpu")),
        vocabulary=vocabulary,
        training_config=preset.training,
        history=(),
        heldout_loss=None,
    )
