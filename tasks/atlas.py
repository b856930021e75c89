"""Compose an atlas version from stores; nothing is copied."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from prefect import task

from genemamba.atlas.versions.changes import add_stores, drop_stores
from genemamba.atlas.versions.leaving_out import count_left_out, leave_out_duplicates
from genemamba.atlas.versions.manifests import (
    AtlasManifest,
    StoreEntry,
    read_manifest,
    write_manifest,
)
from genemamba.atlas.versions.matching import MODULES as MATCHING_MODULES
from genemamba.atlas.versions.matching import link_cells
from genemamba.catalog.catalog import Catalog
from genemamba.catalog.values import Edge
from genemamba.errors import StaleVersionError
from tasks.found_stores import find_stores
from tasks.stages import Produced, StagePlan, StageRef, run_stage, stage_ref
from tasks.workspace import Workspace

MODULES: Final = (
    *(
        f"atlas/versions/{name}.py"
        for name in ("changes", "leaving_out", "left_out", "manifests", "row_ranges", "store_entry")
    ),
    *MATCHING_MODULES,
)
"""Library modules that decide what a manifest says."""

Change = Callable[[AtlasManifest], AtlasManifest]
"""From the newest version to what the next one is to hold, before duplicates are left out."""


@task(name="compose-version")
def compose_version(workspace: Workspace, atlas: str, entries: list[StoreEntry]) -> StageRef:
    """Add stores to the newest version of an atlas; the same stores are the same version.

    Where another process adds to the atlas meanwhile, its stores are kept: the version is
    composed again from what is then the newest.
    """
    return _compose(workspace, atlas, lambda newest: add_stores(newest, entries))


def add_to_atlas(workspace: Workspace, atlas: str, refs: Sequence[str]) -> StageRef:
    """Add stores that are there already, without another ingest.

    Parameters
    ----------
    workspace
        Where to read and write.
    atlas
        Name of the atlas; its newest version is extended.
    refs
        As for `tasks.found_stores.find_stores`.

    Raises
    ------
    InputError
        A reference means no store, or several things.
    """
    with workspace.open_catalog() as catalog:
        newest = newest_manifest(catalog, atlas)
        entries = find_stores(catalog, newest, refs)
    return _compose(workspace, atlas, lambda newest: add_stores(newest, entries))


def drop_from_atlas(workspace: Workspace, atlas: str, deposits: Sequence[str]) -> StageRef:
    """Leave deposits out of the next version; their stores stay.

    Parameters
    ----------
    workspace
        Where to read and write.
    atlas
        Name of the atlas.
    deposits
        Names or digests, as for `genemamba.atlas.versions.changes.drop_stores`.

    Raises
    ------
    InputError
        There is no such deposit, or none would be left.
    CatalogError
        There is no such atlas.
    """
    with workspace.open_catalog() as catalog:
        catalog.atlas_versions(atlas)
    return _compose(workspace, atlas, lambda newest: drop_stores(newest, deposits))


def newest_stores(workspace: Workspace, atlas: str) -> tuple[StoreEntry, ...]:
    """Return the stores that an atlas has or had; none where there is no such atlas."""
    with workspace.open_catalog() as catalog:
        return newest_manifest(catalog, atlas).history


def newest_manifest(catalog: Catalog, atlas: str) -> AtlasManifest:
    """Return an atlas's newest version, one without stores where there is no such atlas."""
    return _newest(catalog, atlas)[1]


def _compose(workspace: Workspace, atlas: str, change: Change) -> StageRef:
    while True:
        try:
            return _compose_on_newest(workspace, atlas, change)
        except StaleVersionError:
            continue


def _compose_on_newest(workspace: Workspace, atlas: str, change: Change) -> StageRef:
    with workspace.open_catalog() as catalog:
        number, before = _newest(catalog, atlas)
        target = change(before)
        inputs = [_store_edge(catalog, entry) for entry in target.stores]
    plan = StagePlan(
        stage="compose",
        kind="manifest",
        folder="manifests",
        suffix=".json",
        inputs=inputs,
        params={
            "atlas": atlas,
            "dropped": [entry.name for entry in target.dropped],
            "order": [entry.name for entry in target.history],
            # Names, positions and filtered rows: all but what is found out about duplicates.
            "target": target.digest,
        },
        modules=MODULES,
    )

    def work(staged: str) -> Produced:
        with workspace.open_catalog() as catalog:
            cache = workspace.cache("cache", "duplicates")
            links = link_cells(target.history, catalog.cells, cache=cache)
        manifest = leave_out_duplicates(target, links)
        write_manifest(manifest, staged, home=workspace.home)
        return Produced(
            facets={
                "n_obs": manifest.n_obs,
                "stores": len(manifest.stores),
                "left_out": count_left_out(manifest),
            },
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


def _newest(catalog: Catalog, atlas: str) -> tuple[int, AtlasManifest]:
    newest = next((known.latest for known in catalog.atlases() if known.name == atlas), None)
    if newest is None:
        return 0, AtlasManifest(atlas=atlas, stores=())
    return newest.version_no, read_manifest(newest.artifact.uri)


def _store_edge(catalog: Catalog, entry: StoreEntry) -> Edge:
    return Edge(role="store", artifact=catalog.artifact(entry.digest).to_info())
