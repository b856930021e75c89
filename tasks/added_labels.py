"""Teach an annotation new cell types from the few cells that a person labelled."""

from pathlib import Path
from typing import Final, NamedTuple

from prefect import task

from genemamba import keys
from genemamba.annotation.added_labels import match_added_labels
from genemamba.annotation.label_file import LabelFile, read_label_file
from genemamba.annotation.labelled_cells import check_learnable
from genemamba.atlas.versions.manifests import read_manifest
from genemamba.atlas.versions.view import AtlasView
from genemamba.catalog.records import DatasetVersion
from genemamba.catalog.values import ArtifactInfo, Edge
from genemamba.inference.added_types import add_types, known_types
from genemamba.inference.atlas import LABELLING
from genemamba.inference.embedded_cells import EmbeddedCells
from genemamba.provenance import Json
from tasks.annotation import MODULES, newest_annotations
from tasks.ingest import COMMIT_MARK
from tasks.policies import EVALUATE_TIMEOUT_S
from tasks.stages import Produced, StagePlan, StageRef, run_stage, stage_ref
from tasks.workspace import Workspace

ADDED: Final = "added"
"""Facet of an annotation with added types: what was added to which base, file after file."""

UNDOES: Final = "undoes"
"""Parameter of an annotation that takes the place of one with added types."""


class Latest(NamedTuple):
    """The newest annotation of an atlas version by one model."""

    annotation: DatasetVersion
    undoes: str | None
    """Digest of the annotation with added types that it, or its base, took the place of."""

    @property
    def added(self) -> dict[str, Json] | None:
        """What was added to which base; None for a base."""
        return self.annotation.artifact.facets.get(ADDED)


def find_latest(workspace: Workspace, version: StageRef, model: StageRef) -> Latest | None:
    """Return the newest annotation of an atlas version by one model, with types added or not."""
    with workspace.open_catalog() as catalog:
        for annotation in newest_annotations(catalog, version.name):
            run = catalog.run(annotation.run_id)
            digests = {edge.artifact.digest for edge in run.inputs}
            if {version.artifact.digest, model.artifact.digest} <= digests:
                kept = annotation.artifact.facets.get(ADDED) or run.params
                return Latest(annotation, kept.get(UNDOES))
    return None


def undone_by_base(latest: Latest | None) -> str | None:
    """Return what annotating without added types takes the place of.

    An annotation that was made before stays the version it was; one that undoes is another, and
    becomes the newest.
    """
    if latest is None:
        return None
    return latest.annotation.artifact.digest if latest.added else latest.undoes


@task(name="check-added-labels")
def check_added_labels(version: StageRef, path: Path) -> None:
    """Refuse a file of labels before anything is embedded or learnt.

    Types that were added before are known when the file is added, and looked at then.

    Raises
    ------
    InputError
        The file, one of its rows, or the atlas cannot be learnt from.
    """
    file = read_label_file(path)
    obs = AtlasView.open(read_manifest(version.artifact.uri)).obs
    check_learnable(obs[keys.CELL_TYPE])
    known = set(obs[keys.CELL_TYPE].astype(str)) - {keys.UNKNOWN}
    match_added_labels(file, obs, known=sorted(known))


@task(name="add-labels", timeout_seconds=EVALUATE_TIMEOUT_S)
def add_labels(
    workspace: Workspace,
    version: StageRef,
    model: StageRef,
    embedding: StageRef,
    base: StageRef,
    latest: Latest | None,
    path: Path,
) -> StageRef:
    """Add the types of a file to a base annotation, or to what was added to it last."""
    file = read_label_file(path)
    on = _stands_on(workspace, base, latest, file)
    plan = StagePlan(
        stage="annotate",
        kind="annotation",
        folder="annotations",
        suffix=".zarr",
        inputs=[
            Edge(role="atlas", artifact=version.artifact),
            Edge(role="model", artifact=model.artifact),
            Edge(role="embedding", artifact=embedding.artifact),
            Edge(role="base", artifact=on.artifact),
            Edge(role="labels", artifact=_file_artifact(file, path)),
        ],
        params={},
        modules=MODULES,
        libraries=("numpy", "scipy"),
        commit_mark=COMMIT_MARK,
    )

    def work(staged: str) -> Produced:
        cells = EmbeddedCells.open(embedding.artifact.uri)
        view = AtlasView.open(read_manifest(version.artifact.uri))
        known = known_types(on.artifact.uri)
        added = match_added_labels(file, view.obs, known=known)
        provenance = {
            "atlas": version.label,
            "model": model.label,
            "model_digest": model.artifact.digest,
            "embedding_digest": embedding.artifact.digest,
            "base_digest": on.artifact.digest,
            "labels_digest": file.digest,
        }
        found = add_types(on.artifact.uri, cells, added, staged, provenance=provenance)
        facets = {**on.artifact.facets, **found}
        facets[LABELLING] = {**on.artifact.facets[LABELLING], **found[LABELLING]}
        earlier = on.artifact.facets.get(ADDED) or {"files": [], "types": {}}
        facets[ADDED] = {
            "root": base.artifact.digest,
            UNDOES: _undone_by(workspace, base),
            "on": on.artifact.digest,
            "files": [*earlier["files"], file.digest],
            "types": {**earlier["types"], **added.counts},
        }
        facets["findings"] = [finding.to_json() for finding in added.findings]
        return Produced(
            facets=facets,
            version_of=("annotation", version.name),
            media_type="application/vnd+zarr",
        )

    return run_stage(workspace, plan, work)


def _stands_on(
    workspace: Workspace, base: StageRef, latest: Latest | None, file: LabelFile
) -> StageRef:
    """Return what a file is added to: the newest on this base; for the newest's own file, its."""
    if latest is None or not latest.added or latest.added["root"] != base.artifact.digest:
        return base
    with workspace.open_catalog() as catalog:
        newest = stage_ref(catalog.run(latest.annotation.run_id), reused=True)
        if latest.added["files"][-1] != file.digest:
            return newest
        if latest.added["on"] == base.artifact.digest:
            return base
        for annotation in newest_annotations(catalog, base.name):
            if annotation.artifact.digest == latest.added["on"]:
                return stage_ref(catalog.run(annotation.run_id), reused=True)
    return base


def _undone_by(workspace: Workspace, base: StageRef) -> str | None:
    with workspace.open_catalog() as catalog:
        return catalog.run(base.run_id).params.get(UNDOES)


def _file_artifact(file: LabelFile, path: Path) -> ArtifactInfo:
    return ArtifactInfo(
        digest=file.digest,
        kind="labels",
        uri=str(path.resolve()),
        size_bytes=file.size_bytes,
        media_type="text/csv",
    )
