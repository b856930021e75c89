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
from genemamba.errors import StaleVersionError
from tasks.stages import Produced, StagePlan, StageRef, run_stage, stage_ref
from tasks.workspace import Workspace

MODULES: Final = ("atlas/versions.py",)
"""Library modules that decide what a manifest says."""


@task(name="compose-version")
def compose_version(workspace: Workspace, atlas: str, entries: list[StoreEntry]) -> StageRef:
    """Add stores to the newest version of an atlas; the same stores are the same version.

    Where another process adds to the atlas meanwhile, its stores are kept: the version is
    composed again from what is then the newest.
    """
    while True:
        try:
            return _compose_on_newest(workspace, atlas, entries)
        except StaleVersionError:
            continue


def newest_stores(workspace: Workspace, atlas: str) -> tuple[StoreEntry, ...]:
    """Return the stores of an atlas's newest version; none where there is no such atlas."""
    with workspace.open_catalog() as catalog:
        return _newest(catalog, atlas)[1]


def _compose_on_newest(workspace: Workspace, atlas: str, entries: list[StoreEntry]) -> StageRef:
    with workspace.open_catalog() as catalog:
        number, before = _newest(catalog, atlas)
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
        return Produced(
            facets={"n_obs": manifest.n_obs, "stores": len(manifest.stores)},
            version_of=("atlas", atlas),
            after=number,
            media_type="application/json",
        )

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


def _newest(catalog: Catalog, atlas: str) -> tuple[int, tuple[StoreEntry, ...]]:
    newest = next((known.latest for known in catalog.atlases() if known.name == atlas), None)
    if newest is None:
        return 0, ()
    return newest.version_no, read_manifest(newest.artifact.uri).stores


def _store_edge(catalog: Catalog, entry: StoreEntry) -> Edge:
    return Edge(role="store", artifact=catalog.artifact(entry.digest).to_info())
