"""Label every cell of an atlas version by its embedding."""

from typing import Final, NamedTuple

from prefect import task

from genemamba.atlas.versions.manifests import read_manifest
from genemamba.atlas.versions.view import AtlasView
from genemamba.catalog.catalog import Catalog
from genemamba.catalog.records import DatasetVersion
from genemamba.catalog.values import Edge
from genemamba.errors import CatalogError
from genemamba.inference.atlas import annotate_cells, write_annotation
from genemamba.inference.embedded_cells import EmbeddedCells
from tasks.ingest import COMMIT_MARK
from tasks.model import find_model
from tasks.policies import EVALUATE_TIMEOUT_S
from tasks.stages import VIEW_MODULES, Produced, StagePlan, StageRef, run_stage, stage_ref
from tasks.workspace import Workspace

MODULES: Final = (
    "atlas/codecs.py",
    "annotation",
    "inference/atlas.py",
    "inference/embedded_cells.py",
    *VIEW_MODULES,
)
"""Library modules that decide what an annotation says, beside its embedding."""


@task(name="annotate-version", timeout_seconds=EVALUATE_TIMEOUT_S)
def annotate_version(
    workspace: Workspace,
    version: StageRef,
    model: StageRef,
    embedding: StageRef,
    *,
    threshold: float,
    seed: int,
) -> StageRef:
    """Write label and confidence of every cell beside the embedding that they come from."""
    plan = StagePlan(
        stage="annotate",
        kind="annotation",
        folder="annotations",
        suffix=".zarr",
        inputs=[
            Edge(role="atlas", artifact=version.artifact),
            Edge(role="model", artifact=model.artifact),
            Edge(role="embedding", artifact=embedding.artifact),
        ],
        params={"threshold": threshold},
        modules=MODULES,
        libraries=("scikit-learn",),
        seed=seed,
        commit_mark=COMMIT_MARK,
    )

    def work(staged: str) -> Produced:
        cells = EmbeddedCells.open(embedding.artifact.uri)
        view = AtlasView.open(read_manifest(version.artifact.uri))
        adata = annotate_cells(view, cells, threshold=threshold, seed=seed)
        provenance = {
            "atlas": version.label,
            "model": model.label,
            "model_digest": model.artifact.digest,
            "embedding_digest": embedding.artifact.digest,
        }
        facets = write_annotation(adata, staged, provenance=provenance, embedding=cells)
        return Produced(
            facets=facets,
            version_of=("annotation", version.name),
            media_type="application/vnd+zarr",
        )

    return run_stage(workspace, plan, work)


class FoundAnnotation(NamedTuple):
    """An annotation and the model that made it."""

    annotation: StageRef
    model: StageRef


def find_annotation(workspace: Workspace, version: StageRef, ref: str | None) -> FoundAnnotation:
    """Return the newest annotation of an atlas version, or the newest by one model.

    Parameters
    ----------
    workspace
        Where to look.
    version
        The atlas version.
    ref
        Model version such as ``lung-small@2``; None means any.

    Raises
    ------
    CatalogError
        There is no such annotation, or no such model.
    """
    wanted = find_model(workspace, ref).artifact.digest if ref else None
    with workspace.open_catalog() as catalog:
        for annotation in _newest_annotations(catalog, version.name):
            run = catalog.run(annotation.run_id)
            inputs = {edge.role: edge.artifact.digest for edge in run.inputs}
            if inputs["atlas"] == version.artifact.digest and wanted in (None, inputs["model"]):
                model = find_model(workspace, inputs["model"])
                return FoundAnnotation(stage_ref(run, reused=True), model)
    by = f" by {ref}" if ref else ""
    msg = (
        f"Expected an annotation of {version.label}{by}, found none. "
        f"Run `genemamba annotate --atlas {version.label}` first."
    )
    raise CatalogError(msg)


def _newest_annotations(catalog: Catalog, atlas: str) -> list[DatasetVersion]:
    try:
        return catalog.dataset_versions("annotation", atlas)[::-1]
    except CatalogError:
        return []
