"""Annotate the newest version of an atlas by one model."""

from prefect import flow

from genemamba.inference.encoder import BackendOption
from genemamba.inference.precision import Precision
from tasks.annotation import annotate_version
from tasks.atlas import find_version
from tasks.embedding import embed_version
from tasks.model import find_model
from tasks.results import AtlasResult
from tasks.workspace import open_workspace


@flow(name="annotate-atlas")
def annotate_atlas(
    atlas: str,
    model: str | None = None,
    threshold: float = 0.5,
    seed: int = 0,
    backend: BackendOption = "torch",
    precision: Precision = "fp32",
    device: str = "cpu",
) -> AtlasResult:
    """Write embedding, label and confidence of every cell.

    Parameters
    ----------
    atlas
        Name of the atlas, or a version such as ``lung@3``.
    model
        Model version such as ``lung-small@2``; by default the newest that was trained on it.
    threshold
        Confidence below which a cell is called unknown.
    seed
        Seed of the label head.
    backend, precision, device
        How the model is run.
    """
    workspace = open_workspace()
    version = find_version(workspace, atlas)
    chosen = find_model(workspace, model, trained_on=version)
    embedding = embed_version(
        workspace, version, chosen, backend=backend, precision=precision, device=device
    )
    annotation = annotate_version(
        workspace, version, chosen, embedding, threshold=threshold, seed=seed
    )
    return AtlasResult.gather(
        atlas=atlas, version=version, model=chosen, embedding=embedding, annotation=annotation
    )
