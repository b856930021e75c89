"""Hold labelled cells of an atlas version out, or take a split that was made before."""

from dataclasses import dataclass
from typing import Final

from prefect import task

from genemamba.atlas.versions.manifests import read_manifest
from genemamba.atlas.versions.view import AtlasView
from genemamba.catalog.values import ArtifactInfo, Edge
from genemamba.errors import SchemaError
from genemamba.evaluation.annotation.folds import Split
from genemamba.evaluation.annotation.protocols import HoldOut, split_atlas
from genemamba.evaluation.annotation.split_files import SUFFIX, read_split, split_bytes
from genemamba.provenance import Json
from genemamba.publishing import publish, staging_area
from genemamba.storage import hash_file, join_url, split_url
from tasks.stages import (
    VIEW_MODULES,
    Produced,
    StagePlan,
    StageRef,
    run_stage,
    short_digest,
)
from tasks.workspace import Workspace, staging_owner

FOLDER: Final = "splits"
"""Folder of the home with every split that was used."""

MEDIA_TYPE: Final = "application/gzip"
"""Of a split's file."""

MODULES: Final = (
    "annotation/labelled_cells.py",
    *(
        f"evaluation/annotation/{name}.py"
        for name in ("folds", "protocols", "split_checks", "split_files", "splits")
    ),
    *VIEW_MODULES,
)
"""Library modules that decide who is learnt from and who is scored."""


@dataclass(frozen=True, kw_only=True)
class CellSplit:
    """A split by reference."""

    artifact: ArtifactInfo
    """Its file."""
    stage: StageRef | None = None
    """The stage that made it; None for a file that was given."""
    donor_key: str | None = None
    """Column of donors, where another than the split's own was named."""


@task(name="split-version")
def split_version(
    workspace: Workspace,
    version: StageRef,
    *,
    hold_out: HoldOut | None,
    donor_key: str | None,
    study_key: str | None,
    seed: int,
) -> CellSplit | None:
    """Hold labelled cells out and keep who they are.

    Returns None where nothing in particular was asked for and there are no labels to hold out.
    """
    view = AtlasView.open(read_manifest(version.artifact.uri))
    try:
        split = split_atlas(
            view.obs, hold_out=hold_out, donor_key=donor_key, study_key=study_key, seed=seed
        )
    except SchemaError:
        if hold_out or donor_key or study_key:
            raise
        return None
    plan = StagePlan(
        stage="split",
        kind="split",
        folder=FOLDER,
        suffix=SUFFIX,
        inputs=[Edge(role="atlas", artifact=version.artifact)],
        params={"hold_out": hold_out, "donor_key": donor_key, "study_key": study_key},
        modules=MODULES,
        seed=seed,
    )

    def work(staged: str) -> Produced:
        fs, path = split_url(staged)
        fs.pipe_file(path, split_bytes(split, view.obs.index))
        return Produced(facets=_facets(split), media_type=MEDIA_TYPE)

    stage = run_stage(workspace, plan, work)
    return CellSplit(artifact=stage.artifact, stage=stage)


@task(name="take-split")
def take_split(
    workspace: Workspace, version: StageRef, url: str, *, donor_key: str | None
) -> CellSplit:
    """Check a split's file against an atlas version, and keep a copy in the home."""
    view = AtlasView.open(read_manifest(version.artifact.uri))
    split = read_split(url, view.obs, donor_key=donor_key)
    sha256, size = hash_file(url)
    final = workspace.url(FOLDER, f"{short_digest(f'sha256:{sha256}')}{SUFFIX}")
    source, path = split_url(url)
    with staging_area(workspace.home, owner=staging_owner()) as area:
        staged = join_url(area, f"artifact{SUFFIX}")
        target, place = split_url(staged)
        target.pipe_file(place, source.cat_file(path))
        publish(staged, final)
    artifact = ArtifactInfo(
        digest=f"sha256:{sha256}",
        kind="split",
        uri=final,
        size_bytes=size,
        media_type=MEDIA_TYPE,
        facets=_facets(split),
    )
    return CellSplit(artifact=artifact, donor_key=donor_key)


def _facets(split: Split) -> dict[str, Json]:
    return {
        "hold_out": split.kind,
        "summary": split.summary,
        "columns": dict(split.columns),
        "n_test": split.n_test,
    }
