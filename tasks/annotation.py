"""Label every cell of an atlas version by its embedding."""

from dataclasses import asdict
from typing import Final, NamedTuple

from prefect import task

from genemamba.annotation.label_rules import FINE_TUNE, HeadName, LabelRules
from genemamba.atlas.versions.manifests import read_manifest
from genemamba.atlas.versions.view import AtlasView
from genemamba.catalog.catalog import Catalog
from genemamba.catalog.records import DatasetVersion
from genemamba.catalog.values import Edge
from genemamba.errors import CatalogError
from genemamba.inference.added_types import keep_statistics
from genemamba.inference.atlas import learn_annotator, write_annotation
from genemamba.inference.embedded_cells import EmbeddedCells
from genemamba.inference.fine_tuned import open_annotator
from genemamba.publishing import readable_folder
from tasks.ingest import COMMIT_MARK
from tasks.model import find_model
from tasks.ontology import TERM_CONFIDENCE, TermChoice, open_naming
from tasks.policies import EVALUATE_TIMEOUT_S
from tasks.stages import VIEW_MODULES, Produced, StagePlan, StageRef, run_stage, stage_ref
from tasks.workspace import Workspace

MODULES: Final = (
    "atlas/codecs.py",
    "annotation",
    "inference/added_types.py",
    "inference/atlas.py",
    "inference/embedded_cells.py",
    "inference/embedding_shards.py",
    "inference/fine_tuned.py",
    "inference/rolled_up.py",
    "ontology",
    *VIEW_MODULES,
)
"""Library modules that decide what an annotation says, beside its embedding."""

LIBRARIES: Final = ("faiss-cpu", "scikit-learn", "scipy")
"""Distributions whose next version may well give other labels."""


@task(name="annotate-version", timeout_seconds=EVALUATE_TIMEOUT_S)
def annotate_version(
    workspace: Workspace,
    version: StageRef,
    model: StageRef,
    embedding: StageRef,
    *,
    seed: int,
    head: HeadName = "probe",
    threshold: float | None = None,
    max_error: float | None = None,
    undoes: str | None = None,
    terms: TermChoice | None = None,
    term_confidence: float = TERM_CONFIDENCE,
) -> StageRef:
    """Write labels and probabilities of every cell beside the embedding that they come from.

    Where that undoes an annotation with added types, it is a version of its own, the newest.
    """
    rules = LabelRules.of(head=head, threshold=threshold, max_error=max_error)
    undone = {"undoes": undoes} if undoes else {}
    plan = StagePlan(
        stage="annotate",
        kind="annotation",
        folder="annotations",
        suffix=".zarr",
        inputs=[
            Edge(role="atlas", artifact=version.artifact),
            Edge(role="model", artifact=model.artifact),
            Edge(role="embedding", artifact=embedding.artifact),
            *(terms.inputs if terms else []),
        ],
        params={
            **asdict(rules),
            **undone,
            **({"term_confidence": term_confidence} if terms else {}),
        },
        modules=MODULES,
        libraries=LIBRARIES,
        seed=seed,
        commit_mark=COMMIT_MARK,
    )

    def work(staged: str) -> Produced:
        cells = EmbeddedCells.open(embedding.artifact.uri)
        view = AtlasView.open(read_manifest(version.artifact.uri))
        if rules.head == FINE_TUNE:
            with readable_folder(model.artifact.uri) as folder:
                annotator = open_annotator(view, cells, folder, rules=rules, seed=seed)
        else:
            annotator = learn_annotator(view, cells, rules=rules, seed=seed)
        provenance = {
            "atlas": version.label,
            "model": model.label,
            "model_digest": model.artifact.digest,
            "embedding_digest": embedding.artifact.digest,
            **undone,
        }
        naming = open_naming(terms, confidence=term_confidence) if terms else None
        if naming:
            provenance |= {"cell_ontology": naming.ontology.release}
        facets = write_annotation(
            view, cells, annotator, staged, provenance=provenance, naming=naming
        )
        keep_statistics(view, cells, staged, seed=seed)
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
        for annotation in newest_annotations(catalog, version.name):
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


def newest_annotations(catalog: Catalog, atlas: str) -> list[DatasetVersion]:
    """Return all annotations of an atlas, the newest first."""
    try:
        return catalog.dataset_versions("annotation", atlas)[::-1]
    except CatalogError:
        return []
