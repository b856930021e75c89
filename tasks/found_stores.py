"""Stores that are there already, found by what users call them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from genemamba.atlas.store import read_provenance
from genemamba.atlas.versions.changes import DIGITS, find_entry, plain_entry, settle_name
from genemamba.atlas.versions.manifests import AtlasManifest, StoreEntry, read_manifest
from genemamba.catalog.catalog import Catalog
from genemamba.catalog.graph import ArtifactNode
from genemamba.catalog.records import ArtifactRecord
from genemamba.errors import CatalogError, InputError

STORE: Final = "store"
"""Kind of the artifact that a store is."""


def find_stores(catalog: Catalog, newest: AtlasManifest, refs: Sequence[str]) -> list[StoreEntry]:
    """Find the stores that references mean, with the names that they have in an atlas.

    Parameters
    ----------
    catalog
        Where to look.
    newest
        Newest version of the atlas that they are for.
    refs
        Each the name or digest of a deposit that was dropped from it, an atlas or a version of one
        such as ``lung@3`` (all its stores), or the digest, path or URL of a store.

    Raises
    ------
    InputError
        A reference means no store, or several things.
    """
    entries: list[StoreEntry] = []
    for ref in refs:
        known = [*newest.history, *entries]
        entries += [_join(known, entry) for entry in _find(catalog, newest, ref)]
    return entries


def _find(catalog: Catalog, newest: AtlasManifest, ref: str) -> list[StoreEntry]:
    dropped = _find_dropped(newest, ref)
    version = _find_version(catalog, ref)
    if dropped and version:
        raise InputError(
            expected=f"one meaning of {ref!r}",
            found="an atlas, and a deposit that was dropped from this one",
            remedy=f"Write {ref}@NUMBER for the atlas, or the deposit's digest.",
            rule="reference-ambiguous",
            count=2,
        )
    return dropped or version or [_find_artifact(catalog, ref)]


def _find_dropped(newest: AtlasManifest, ref: str) -> list[StoreEntry]:
    is_name = ref in {entry.name for entry in newest.history}
    if not is_name and len(ref) < DIGITS:
        return []
    try:
        return [find_entry(newest.history, ref)]
    except InputError:
        return []


def _find_version(catalog: Catalog, ref: str) -> list[StoreEntry]:
    try:
        version = catalog.dataset_version(ref)
    except CatalogError:
        return []
    return list(read_manifest(version.artifact.uri).stores)


def _find_artifact(catalog: Catalog, ref: str) -> StoreEntry:
    try:
        root = catalog.lineage(ref).root
    except CatalogError as error:
        found = str(error)
    else:
        if isinstance(root, ArtifactNode) and root.artifact.kind == STORE:
            return _entry_of(root.artifact)
        found = (
            f"something else: a {root.artifact.kind if isinstance(root, ArtifactNode) else 'run'}"
        )
    raise InputError(
        expected=f"{ref!r} to be a store, an atlas or a dropped deposit",
        found=found.rstrip("."),
        remedy="Ingest the deposit with `genemamba ingest` first.",
        rule="store-unknown",
        examples=[ref],
    )


def _entry_of(store: ArtifactRecord) -> StoreEntry:
    recorded: Any = read_provenance(store.uri)
    facets: Any = store.facets
    return StoreEntry(
        name=recorded["deposit"],
        digest=store.digest,
        url=store.uri,
        n_obs=facets["n_obs"],
        n_vars=facets["n_vars"],
        deposit_sha256=recorded["deposit_sha256"],
    )


def _join(known: Sequence[StoreEntry], entry: StoreEntry) -> StoreEntry:
    name = settle_name(known, entry.name, entry.deposit_sha256)
    return replace(plain_entry(entry), name=name, position=None)
