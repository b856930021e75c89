"""Fine-tuning on the labels of an atlas version, from a pretrained model or from none."""

from dataclasses import dataclass
from pathlib import Path

import torch

from genemamba import keys
from genemamba.atlas.versions.view import AtlasView
from genemamba.storage import Progress
from genemamba.tokens.stored_tokens import StoredTokens
from genemamba.training.checkpoint import Checkpoint
from genemamba.training.fine_tuning.fine_tune import FineTuned, fine_tune
from genemamba.training.fine_tuning.settings import FineTuning
from genemamba.training.loop import Watch


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FineTunedOnAtlas:
    """A fine-tuned model, and which cells of the atlas it never learnt from though they are labelled."""

    result: FineTuned
    """Model and head."""
    validation_cells: tuple[str, ...]
    """`keys.CELL_ID` of the cells that told when to stop."""


def fine_tune_on_atlas(
    view: AtlasView,
    base: Checkpoint,
    *,
    steps: int | None,
    seed: int,
    device: torch.device,
    cache: Path,
    resume_dir: Path | None = None,
    progress: Progress | None = None,
    watch: Watch | None = None,
) -> FineTunedOnAtlas:
    """Train every weight of a model on the labels of an atlas version.

    Parameters
    ----------
    view
        The atlas version.
    base
        The model to start from, which never saw these labels; left as it is.
    steps
        Training steps; as many as `FineTuning.for_cells` says by default.
    seed
        Of weights, minibatches and hidden genes.
    device
        Where to train.
    cache
        Local folder of token stores.
    resume_dir
        Local folder for the state from which a killed training goes on.
    progress
        Called with steps done and steps in all.
    watch
        Told loss and speed after each step.

    Raises
    ------
    SchemaError
        Fewer than two types are labelled.
    StoreError, CountsError, StorageError
        As for `genemamba.tokens.token_cache.ensure_token_store`.
    ModelError
        As for `fine_tune`.
    """
    labels = view.obs[keys.CELL_TYPE].to_numpy(dtype=str)
    tokens = StoredTokens.of_view(
        view,
        base.vocabulary,
        seqlen=base.seqlen,
        cache=cache,
        value_bins=base.model_config.value_bins,
    )
    settings = FineTuning.for_cells(
        int((labels != keys.UNKNOWN).sum()), seqlen=base.seqlen, seed=seed, steps=steps
    )
    result = fine_tune(
        base.model,
        base.vocabulary,
        tokens,
        labels,
        view.obs[keys.BATCH].to_numpy(dtype=str),
        settings,
        device=device,
        resume_dir=resume_dir,
        progress=progress,
        watch=watch,
    )
    return FineTunedOnAtlas(
        result=result,
        validation_cells=tuple(view.obs.index[result.validation_rows].astype(str)),
    )
