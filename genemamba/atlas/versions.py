"""Atlas versions: a manifest is a list of stores, and adding to an atlas copies nothing."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

from genemamba.errors import SchemaError, StoreError
from genemamba.provenance import canonical_json, digest_json
from genemamba.storage import join_url, split_url


@dataclass(frozen=True, kw_only=True, slots=True)
class StoreEntry:
    """A store as a manifest lists it."""

    name: str
    """Name of the deposit."""
    digest: str
    """Digest of the store's files; what the store is."""
    url: str
    """Where it lies; no part of what it is."""
    n_obs: int
    """Cells."""
    n_vars: int
    """Genes."""
    deposit_sha256: str
    """64 hex digits over the deposit's bytes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AtlasManifest:
    """The stores of one atlas version, sorted by name and digest.

    Raises
    ------
    SchemaError
        Two stores have one name, or come from one deposit.
    """

    atlas: str
    """Name of the atlas."""
    stores: tuple[StoreEntry, ...]
    """What it holds."""

    def __post_init__(self) -> None:
        ordered = tuple(sorted(self.stores, key=lambda entry: (entry.name, entry.digest)))
        object.__setattr__(self, "stores", ordered)
        for field in ("name", "deposit_sha256"):
            values = [getattr(entry, field) for entry in ordered]
            doubled = sorted({value for value in values if values.count(value) > 1})
            if doubled:
                raise SchemaError(
                    expected=f"stores that differ in {field}",
                    found=f"several with {', '.join(doubled)}",
                    remedy="Give every deposit a name of its own, and deposit it once.",
                )

    @property
    def n_obs(self) -> int:
        """Cells in all."""
        return sum(entry.n_obs for entry in self.stores)

    @property
    def digest(self) -> str:
        """``sha256:`` and 64 hex digits over the canonical JSON without the URLs."""
        stores = [
            {field: value for field, value in asdict(entry).items() if field != "url"}
            for entry in self.stores
        ]
        return digest_json({"atlas": self.atlas, "stores": stores})

    def to_json(self) -> str:
        """Serialise canonically: equal manifests give equal text."""
        stores = [asdict(entry) for entry in self.stores]
        return canonical_json({"atlas": self.atlas, "stores": stores})

    @classmethod
    def from_json(cls, text: str) -> "AtlasManifest":
        """Read what `to_json` wrote.

        Raises
        ------
        StoreError
            The text is no manifest.
        """
        try:
            document: Any = json.loads(text)
            stores = tuple(StoreEntry(**entry) for entry in document["stores"])
            return cls(atlas=document["atlas"], stores=stores)
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            msg = f"Expected an atlas manifest, found text that is none: {text[:60]!r}."
            raise StoreError(msg) from error


def merge_stores(
    before: Iterable[StoreEntry], added: Iterable[StoreEntry]
) -> tuple[StoreEntry, ...]:
    """Add stores to those of a version; a deposit's store replaces its earlier one.

    Parameters
    ----------
    before
        Stores of the newest version.
    added
        Stores to add. One of the same deposit as another takes its place, also among
        themselves.
    """
    merged: list[StoreEntry] = []
    for entry in [*before, *added]:
        merged = [other for other in merged if other.deposit_sha256 != entry.deposit_sha256]
        merged.append(entry)
    return tuple(merged)


def settle_name(before: Iterable[StoreEntry], name: str, deposit_sha256: str) -> str:
    """Name a deposit in an atlas: as before if it was there, else apart from every other.

    Parameters
    ----------
    before
        Stores of the newest version.
    name
        What the deposit would be called.
    deposit_sha256
        64 hex digits over its bytes.
    """
    names = {entry.deposit_sha256: entry.name for entry in before}
    if deposit_sha256 in names:
        return names[deposit_sha256]
    return f"{name}-{deposit_sha256[:8]}" if name in names.values() else name


def write_manifest(manifest: AtlasManifest, url: str, *, home: str) -> None:
    """Write a manifest that names stores by their place in the home, so that a home can move.

    Parameters
    ----------
    manifest
        The version.
    url
        Where to write, local or remote.
    home
        Folder or URL above the stores; it will be the folder above the manifest's.
    """
    prefix = f"{home.rstrip('/')}/"
    stores = [replace(entry, url=entry.url.removeprefix(prefix)) for entry in manifest.stores]
    fs, path = split_url(url)
    fs.pipe_file(path, replace(manifest, stores=tuple(stores)).to_json().encode())


def read_manifest(url: str) -> AtlasManifest:
    """Read a manifest from a path or URL; its stores lie beside the manifest's folder.

    Raises
    ------
    StoreError
        Nothing is there, or no manifest.
    """
    fs, path = split_url(url)
    try:
        content = fs.cat_file(path)
    except FileNotFoundError as error:
        msg = f"Expected an atlas manifest at {url}, found nothing. Compose the version again."
        raise StoreError(msg) from error
    manifest = AtlasManifest.from_json(content.decode())
    home = url.rsplit("/", 2)[0]
    stores = [replace(entry, url=_resolve(entry.url, home)) for entry in manifest.stores]
    return replace(manifest, stores=tuple(stores))


def _resolve(url: str, home: str) -> str:
    is_whole = url.startswith("/") or "://" in url
    return url if is_whole else join_url(home, url)
