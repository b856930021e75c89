"""The next version of an atlas: which stores join it, come back, or leave."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from genemamba.atlas.versions.left_out import LeftOut
from genemamba.atlas.versions.manifests import AtlasManifest, StoreEntry
from genemamba.errors import InputError

DIGITS: Final = 8
"""Hex digits of a digest that are enough to name a deposit."""


def add_stores(manifest: AtlasManifest, added: Iterable[StoreEntry]) -> AtlasManifest:
    """Add stores to a version; a deposit's store replaces its earlier one.

    Cells that were left out as duplicates are not: the next manifest has to find them anew.

    Parameters
    ----------
    manifest
        The newest version, of no store for a new atlas.
    added
        Stores in the order in which they join. A deposit that is there, or was, keeps its place.
    """
    stores = {entry.deposit_sha256: plain_entry(entry) for entry in manifest.stores}
    dropped = {entry.deposit_sha256: plain_entry(entry) for entry in manifest.dropped}
    replaced = 0
    for entry in added:
        sha256 = entry.deposit_sha256
        known = stores.get(sha256) or dropped.pop(sha256, None)
        position = (
            known.position if known else _next_position([*stores.values(), *dropped.values()])
        )
        placed = replace(plain_entry(entry), position=position)
        replaced += sha256 in stores and replace(placed, url="") != replace(stores[sha256], url="")
        stores[sha256] = placed
    return AtlasManifest(
        atlas=manifest.atlas,
        stores=tuple(stores.values()),
        dropped=tuple(dropped.values()),
        revision=manifest.revision + replaced,
    )


def drop_stores(manifest: AtlasManifest, deposits: Sequence[str]) -> AtlasManifest:
    """Leave deposits out of the next version; nothing of them is deleted.

    Parameters
    ----------
    manifest
        The newest version.
    deposits
        Names, or the first `DIGITS` or more hex digits of a deposit or store. One that was dropped
        before stays so.

    Raises
    ------
    InputError
        There is no such deposit, or none would be left.
    """
    gone = {find_entry(manifest.history, deposit).deposit_sha256 for deposit in deposits}
    leaving = [plain_entry(entry) for entry in manifest.stores if entry.deposit_sha256 in gone]
    staying = [plain_entry(entry) for entry in manifest.stores if entry.deposit_sha256 not in gone]
    if not staying:
        raise InputError(
            expected=f"a deposit to stay in atlas {manifest.atlas!r}",
            found=f"all {len(manifest.stores)} dropped",
            remedy="Add another deposit first, or begin another atlas.",
            rule="atlas-empty",
            count=len(manifest.stores),
            examples=[entry.name for entry in manifest.stores][:5],
        )
    return AtlasManifest(
        atlas=manifest.atlas,
        stores=tuple(staying),
        dropped=(*(plain_entry(entry) for entry in manifest.dropped), *leaving),
        revision=manifest.revision + bool(leaving),
    )


def find_entry(entries: Iterable[StoreEntry], deposit: str) -> StoreEntry:
    """Find a deposit by its name, or by the first digits of it or of its store.

    Raises
    ------
    InputError
        There is none, or the digits fit several.
    """
    known = list(entries)
    found = [entry for entry in known if entry.name == deposit] or [
        entry for entry in known if len(deposit) >= DIGITS and _begins_with(entry, deposit)
    ]
    if len(found) == 1:
        return found[0]
    names = [entry.name for entry in found or known]
    raise InputError(
        expected="the name or digest of one deposit of the atlas",
        found=f"{deposit!r}, which is {'several' if found else 'none'} of {', '.join(names)}",
        remedy="See `genemamba atlas show NAME` for what is there.",
        rule="deposit-unknown",
        examples=names[:5],
    )


def settle_name(before: Iterable[StoreEntry], name: str, deposit_sha256: str) -> str:
    """Name a deposit in an atlas: as before if it was there, else apart from every other.

    Parameters
    ----------
    before
        Stores that the atlas has or had.
    name
        What the deposit would be called.
    deposit_sha256
        64 hex digits over its bytes.
    """
    names = {entry.deposit_sha256: entry.name for entry in before}
    if deposit_sha256 in names:
        return names[deposit_sha256]
    return f"{name}-{deposit_sha256[:8]}" if name in names.values() else name


def plain_entry(entry: StoreEntry) -> StoreEntry:
    """Return a store with what the user left out of it, and nothing that its company decided."""
    return replace(entry, left_out=quality_parts(entry), inherited=())


def quality_parts(entry: StoreEntry) -> tuple[LeftOut, ...]:
    """Return what the user's filter left out."""
    return tuple(part for part in entry.left_out if part.reason == "quality")


def _next_position(entries: Sequence[StoreEntry]) -> int:
    return max((entry.position or 0 for entry in entries), default=-1) + 1


def _begins_with(entry: StoreEntry, digits: str) -> bool:
    wanted = digits.removeprefix("sha256:")
    return entry.deposit_sha256.startswith(wanted) or entry.digest.startswith(f"sha256:{wanted}")
