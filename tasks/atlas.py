"""Compose an atlas version from stores; nothing is copied."""

from dataclasses import replace
from typing import Final

from prefect import task

from genemamba.atlas.versions import (
    AtlasManifest,
    StoreEntry,
    merge_stores,
    read_manifest,
    write_manifest,
)
from genemamba.catalog.catalog import Catalog
from genemamba.catalog.values import Edge
from tasks.stages import Produced, StagePlan, StageRef, run_stage, stage_ref
from tasks.workspace import Workspace

MODULES: Final = ("atlas/versions.py",)
"""Library modules that decide what a manifest says."""


@task(name="compose-version")
def compose_version(workspace: Workspace, atlas: str, entries: list[StoreEntry]) -> StageRef:
    """Add stores to the newest version of an atlas; the same stores are the same version."""
    with workspace.open_catalog() as catalog:
        before = _newest_stores(catalog, atlas)
        manifest = AtlasManifest(atlas=atlas, stores=merge_stores(before, entries))
        inputs = [_store_edge(catalog, entry) for entry in manifest.stores]
    plan = StagePlan(
        stage="compose",
        kind="manifest",
        folder="manifests",
        suffix=".json",
        inputs=inputs,
        params={"atlas": atlas},
        modules=MODULES,
    )

    def work(staged: str) -> Produced:
        write_manifest(manifest, staged, home=workspace.home)
        facets = {"n_obs": manifest.n_obs, "stores": len(manifest.stores)}
        return Produced(facets=facets, version_of=("atlas", atlas), media_type="application/json")

    return run_stage(workspace, plan, work)


def find_version(workspace: Workspace, ref: str) -> StageRef:
    """Return an atlas version by name, or by name and number such as ``lung@3``.

    Raises
    ------
    CatalogError
        There is none.
    """
    with workspace.open_catalog() as catalog:
        version = catalog.dataset_version(ref)
        found = stage_ref(catalog.run(version.run_id), reused=True)
    return replace(found, label=version.ref)


def _newest_stores(catalog: Catalog, atlas: str) -> tuple[StoreEntry, ...]:
    newest = next((known.latest for known in catalog.atlases() if known.name == atlas), None)
    return read_manifest(newest.artifact.uri).stores if newest else ()


def _store_edge(catalog: Catalog, entry: StoreEntry) -> Edge:
    return Edge(role="store", artifact=catalog.artifact(entry.digest).to_info())
