"""Atlas versions: a manifest is a list of stores, and adding to an atlas copies nothing."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from genemamba.atlas.versions.store_entry import StoreEntry
from genemamba.errors import SchemaError, StoreError
from genemamba.provenance import Json, canonical_json, digest_json
from genemamba.storage import join_url, split_url

__all__ = ["AtlasManifest", "StoreEntry", "read_manifest", "write_manifest"]


@dataclass(frozen=True, kw_only=True, slots=True)
class AtlasManifest:
    """The stores of one atlas version, sorted by name and digest.

    Stores without a position get the next ones, in the order given.

    Raises
    ------
    SchemaError
        Two stores have one name or position, or come from one deposit.
    StoreError
        A row is left out twice, or a deposit that is not listed keeps a duplicate.
    """

    atlas: str
    """Name of the atlas."""
    stores: tuple[StoreEntry, ...]
    """What it holds."""
    dropped: tuple[StoreEntry, ...] = ()
    """What it held once: a cell that comes back has the id that it had there."""
    revision: int = 0
    """How often a store was dropped or replaced; no version has the bytes of an earlier one."""

    def __post_init__(self) -> None:
        placed = _place([*self.stores, *self.dropped])
        _refuse_doubled(placed)
        stores, dropped = placed[: len(self.stores)], placed[len(self.stores) :]
        object.__setattr__(self, "stores", _by_name(stores))
        object.__setattr__(self, "dropped", _by_name(dropped))
        names = {entry.name for entry in stores}
        keepers = {part.kept_by for entry in stores for part in entry.left_out} - {None}
        if keepers - names:
            msg = f"Expected keepers among {sorted(names)}, found {sorted(map(str, keepers - names))}."
            raise StoreError(msg)

    @property
    def n_obs(self) -> int:
        """Cells of the version, those that are left out not counted."""
        return sum(entry.n_kept for entry in self.stores)

    @property
    def history(self) -> tuple[StoreEntry, ...]:
        """Every store that the atlas has or had, the earliest one first."""
        return tuple(sorted((*self.stores, *self.dropped), key=lambda entry: entry.position or 0))

    @property
    def digest(self) -> str:
        """``sha256:`` and 64 hex digits over the canonical JSON without the URLs."""
        document: Any = self._document()
        for entry in [*document["stores"], *document.get("dropped", ())]:
            del entry["url"]
        return digest_json(document)

    def to_json(self) -> str:
        """Serialise canonically: equal manifests give equal text."""
        return canonical_json(self._document())

    def _document(self) -> dict[str, Json]:
        document: dict[str, Json] = {
            "atlas": self.atlas,
            "stores": [entry.to_json() for entry in self.stores],
        }
        if self.dropped:
            document["dropped"] = [entry.to_json() for entry in self.dropped]
        return document | ({"revision": self.revision} if self.revision else {})

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
            return cls(
                atlas=document["atlas"],
                stores=tuple(map(StoreEntry.from_json, document["stores"])),
                dropped=tuple(map(StoreEntry.from_json, document.get("dropped", ()))),
                revision=document.get("revision", 0),
            )
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            msg = f"Expected an atlas manifest, found text that is none: {text[:60]!r}."
            raise StoreError(msg) from error


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
    moved = _with_urls(manifest, lambda place: place.removeprefix(prefix))
    fs, path = split_url(url)
    fs.pipe_file(path, moved.to_json().encode())


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
    home = url.rsplit("/", 2)[0]
    return _with_urls(
        AtlasManifest.from_json(content.decode()),
        lambda place: place if place.startswith("/") or "://" in place else join_url(home, place),
    )


def _with_urls(manifest: AtlasManifest, move: Callable[[str], str]) -> AtlasManifest:
    stores = tuple(replace(entry, url=move(entry.url)) for entry in manifest.stores)
    dropped = tuple(replace(entry, url=move(entry.url)) for entry in manifest.dropped)
    return replace(manifest, stores=stores, dropped=dropped)


def _place(entries: Sequence[StoreEntry]) -> list[StoreEntry]:
    taken = [entry.position for entry in entries if entry.position is not None]
    following = iter(range(max(taken, default=-1) + 1, len(entries) + max(taken, default=-1) + 1))
    return [
        entry if entry.position is not None else replace(entry, position=next(following))
        for entry in entries
    ]


def _by_name(entries: Sequence[StoreEntry]) -> tuple[StoreEntry, ...]:
    return tuple(sorted(entries, key=lambda entry: (entry.name, entry.digest)))


def _refuse_doubled(entries: Sequence[StoreEntry]) -> None:
    for field in ("name", "deposit_sha256", "position"):
        values = [getattr(entry, field) for entry in entries]
        doubled = sorted({str(value) for value in values if values.count(value) > 1})
        if doubled:
            raise SchemaError(
                expected=f"stores that differ in {field}",
                found=f"several with {', '.join(doubled)}",
                remedy="Give every deposit a name of its own, and deposit it once.",
                rule="manifest-doubled",
                count=len(doubled),
                examples=doubled[:5],
            )
