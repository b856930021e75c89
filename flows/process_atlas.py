"""The main job: deposits in, an annotated, scored and recorded atlas version out."""

from typing import Final

from prefect import flow

from genemamba.annotation.label_rules import LearntHead
from genemamba.training.presets import PresetName
from tasks.annotation import annotate_version
from tasks.atlas import compose_version
from tasks.deposits import describe_deposits
from tasks.embedding import embed_version
from tasks.evaluation import score_annotation
from tasks.ingest import ingest_source
from tasks.model import find_model, train_model
from tasks.model_card import write_card
from tasks.outcomes import keep_accepted
from tasks.report import write_page
from tasks.results import AtlasResult
from tasks.settings import DepositSettings
from tasks.splitting import split_version
from tasks.workspace import open_workspace

DEFAULTS: Final = DepositSettings()
"""What holds where nothing else is said."""


@flow(name="process-atlas")
def process_atlas(
    sources: list[str],
    atlas: str,
    settings: DepositSettings = DEFAULTS,
    preset: PresetName = "small",
    steps: int | None = None,
    model: str | None = None,
    head: LearntHead = "probe",
    max_error: float | None = None,
    threshold: float | None = None,
    max_cells: int = 20_000,
    seed: int = 0,
    device: str = "cpu",
) -> AtlasResult:
    """Ingest deposits into an atlas, learn or take a model, annotate, score and report.

    Parameters
    ----------
    sources
        Paths or URLs of the deposits.
    atlas
        Name of the atlas; its newest version is extended.
    batch_key, label_key
        Columns of ``obs`` with the experimental batch and the author's label.
    trusted_labels
        ``COLUMN=VALUE[,VALUE…]``: only labels of such cells are learnt from and scored.
    preset
        Size of the model and length of its training.
    steps
        Training steps, instead of the preset's.
    model
        A model version to use instead of training one, such as ``lung-small@2``.
    head
        What turns the embedding into labels.
    max_error
        Share of the accepted labels that may be wrong: cells are unknown so that it holds, and
        where they are unlike every labelled cell.
    threshold
        Confidence below which a cell is called unknown, whatever else is asked; 0.5 where no
        error is stated.
    max_cells
        Integration is scored on a sample of at most so many cells.
    seed
        Seed of everything random.
    device
        Torch device of training and embedding.
    """
    workspace = open_workspace()
    deposits = describe_deposits(sources, settings)
    outcomes = [ingest_source(workspace, atlas, deposit, settings) for deposit in deposits]
    version = compose_version(workspace, atlas, keep_accepted(outcomes))
    trained = (
        find_model(workspace, model)
        if model
        else train_model(workspace, version, preset=preset, steps=steps, seed=seed, device=device)
    )
    embedding = embed_version(workspace, version, trained, device=device)
    annotation = annotate_version(
        workspace,
        version,
        trained,
        embedding,
        head=head,
        max_error=max_error,
        threshold=threshold,
        seed=seed,
    )
    held_out = split_version(
        workspace, version, hold_out=None, donor_key=None, study_key=None, seed=seed
    )
    evaluation = score_annotation(
        workspace, version, trained, annotation, split=held_out, seed=seed, max_cells=max_cells
    )
    page = write_page(workspace, version, trained, annotation, evaluation)
    return AtlasResult.gather(
        atlas=atlas,
        outcomes=outcomes,
        version=version,
        model=trained,
        embedding=embedding,
        annotation=annotation,
        split=held_out.stage if held_out else None,
        evaluation=evaluation,
        report=page,
        card=write_card(workspace, trained),
    )
