"""Score the newest annotation of an atlas and write its report."""

from prefect import flow

from tasks.annotation import find_annotation
from tasks.atlas import find_version
from tasks.evaluation import score_annotation
from tasks.report import write_page
from tasks.results import AtlasResult
from tasks.workspace import open_workspace


@flow(name="evaluate-atlas")
def evaluate_atlas(
    atlas: str,
    model: str | None = None,
    max_cells: int = 20_000,
    seed: int = 0,
) -> AtlasResult:
    """Score integration and annotation beside baselines and controls.

    Parameters
    ----------
    atlas
        Name of the atlas, or a version such as ``lung@3``.
    model
        Model version whose annotation is scored; by default the newest.
    max_cells
        Integration is scored on a sample of at most so many cells.
    seed
        Seed of splits, samples and controls.
    """
    workspace = open_workspace()
    version = find_version(workspace, atlas)
    annotation, chosen = find_annotation(workspace, version, model)
    evaluation = score_annotation(
        workspace, version, chosen, annotation, seed=seed, max_cells=max_cells
    )
    page = write_page(workspace, version, chosen, annotation, evaluation)
    return AtlasResult.gather(
        atlas=atlas,
        version=version,
        model=chosen,
        annotation=annotation,
        evaluation=evaluation,
        report=page,
    )
