"""Train a model on the newest version of an atlas."""

from prefect import flow

from genemamba.training.presets import PresetName
from tasks.atlas import find_version
from tasks.model import train_model
from tasks.results import AtlasResult
from tasks.workspace import open_workspace


@flow(name="pretrain-model")
def pretrain_model(
    atlas: str,
    preset: PresetName = "small",
    steps: int | None = None,
    seed: int = 0,
    device: str = "cpu",
) -> AtlasResult:
    """Train GeneMamba on every cell of an atlas, without a look at its labels.

    Parameters
    ----------
    atlas
        Name of the atlas, or a version such as ``lung@3``.
    preset
        Size of the model and length of its training.
    steps
        Training steps, instead of the preset's.
    seed
        Seed of everything random.
    device
        Torch device.
    """
    workspace = open_workspace()
    version = find_version(workspace, atlas)
    model = train_model(workspace, version, preset=preset, steps=steps, seed=seed, device=device)
    return AtlasResult.gather(atlas=atlas, version=version, model=model)
