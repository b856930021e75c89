"""Train a model on the newest version of an atlas."""

from prefect import flow

from genemamba.nn.objectives.objective import ObjectiveName
from genemamba.training.config import GENE_SET_WEIGHT, Precision
from genemamba.training.presets import PresetName
from tasks.atlas import find_version
from tasks.model import train_model
from tasks.model_card import write_card
from tasks.results import AtlasResult
from tasks.settings import CourseSettings, ObjectiveSettings
from tasks.workspace import open_workspace


@flow(name="pretrain-model")
def pretrain_model(
    atlas: str,
    preset: PresetName = "small",
    steps: int | None = None,
    seed: int = 0,
    device: str = "cpu",
    objective: ObjectiveName = "masked",
    gene_sets: str | None = None,
    gene_set_weight: float = GENE_SET_WEIGHT,
    value_tokens: bool = False,  # noqa: FBT001, FBT002  # a flow's parameters are named
    precision: Precision = "fp32",
    patience: int | None = None,
    accumulation_steps: int = 1,
    micro_batch_size: int | None = None,
    checkpoint_layers: bool = False,  # noqa: FBT001, FBT002
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
    objective
        What the model is trained to do.
    gene_sets
        Path of a GMT file whose gene sets should have similar states.
    gene_set_weight
        Of that aim, beside naming genes.
    value_tokens
        Whether tokens tell their binned expression beside their rank.
    precision, patience, accumulation_steps, micro_batch_size, checkpoint_layers
        As for `genemamba.training.config.TrainingConfig`.
    """
    workspace = open_workspace()
    version = find_version(workspace, atlas)
    chosen = ObjectiveSettings(
        objective=objective,
        gene_sets=gene_sets,
        gene_set_weight=gene_set_weight,
        value_tokens=value_tokens,
    )
    course = CourseSettings(
        precision=precision,
        patience=patience,
        accumulation_steps=accumulation_steps,
        micro_batch_size=micro_batch_size,
        checkpoint_layers=checkpoint_layers,
    )
    model = train_model(
        workspace,
        version,
        preset=preset,
        steps=steps,
        seed=seed,
        device=device,
        objective=chosen,
        course=course,
    )
    card = write_card(workspace, model)
    return AtlasResult.gather(atlas=atlas, version=version, model=model, card=card)
