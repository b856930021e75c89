"""From equal cells to a manifest that says which of them it has, and under which ids."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from genemamba import keys
from genemamba.atlas.versions.changes import quality_parts
from genemamba.atlas.versions.duplicates import Decision, Links, decide
from genemamba.atlas.versions.left_out import (
    InheritedIds,
    LeftOut,
    describe_inheritance,
    left_out_rows,
)
from genemamba.atlas.versions.manifests import AtlasManifest, StoreEntry
from genemamba.atlas.versions.panels import read_column
from genemamba.atlas.versions.row_ranges import write_ranges
from genemamba.provenance import Json


def leave_out_duplicates(manifest: AtlasManifest, links: Links) -> AtlasManifest:
    """Keep the earliest of every group of equal cells, and name it as it was first named.

    Parameters
    ----------
    manifest
        Stores, dropped ones among them; what it said about duplicates is said anew.
    links
        From `genemamba.atlas.versions.matching.link_cells`, over ``manifest.history``.
    """
    history = manifest.history
    starts = np.cumsum([0, *(entry.n_obs for entry in history)])
    listed = {entry.digest for entry in manifest.stores}
    outside = [
        np.arange(entry.n_obs)
        if entry.digest not in listed
        else left_out_rows(quality_parts(entry))
        for entry in history
    ]
    numbered = [start + rows for start, rows in zip(starts[:-1], outside, strict=True)]
    absent = np.concatenate([np.empty(0, np.int64), *numbered])
    decision = decide(links, lambda cells: ~np.isin(cells, absent, assume_unique=True))
    described = {
        entry.digest: _describe(number, history, starts, decision)
        for number, entry in enumerate(history)
        if entry.digest in listed
    }
    return replace(manifest, stores=tuple(described[entry.digest] for entry in manifest.stores))


def count_left_out(manifest: AtlasManifest) -> dict[str, dict[str, Json]]:
    """Count the rows that a version leaves out, by deposit.

    Returns
    -------
    Deposit to ``quality`` (cells), ``duplicates`` (cells) and ``kept_by`` (deposit to cells);
    deposits of which nothing is left out are not there.
    """
    counts: dict[str, dict[str, Json]] = {}
    for entry in manifest.stores:
        kept_by = {part.kept_by: part.n_obs for part in entry.left_out if part.kept_by}
        quality = sum(part.n_obs for part in entry.left_out if part.reason == "quality")
        if kept_by or quality:
            counts[entry.name] = {
                "quality": quality,
                "duplicates": sum(kept_by.values()),
                "kept_by": kept_by,
            }
    return counts


def _describe(
    number: int, history: Sequence[StoreEntry], starts: np.ndarray, decision: Decision
) -> StoreEntry:
    entry = history[number]
    low, high = np.searchsorted(decision.left_out, starts[number : number + 2])
    rows = decision.left_out[low:high] - starts[number]
    keepers = np.searchsorted(starts, decision.kept[low:high], side="right") - 1
    duplicates = [
        LeftOut(
            reason="duplicate",
            rows=write_ranges(rows[keepers == keeper]),
            kept_by=history[keeper].name,
        )
        for keeper in np.unique(keepers)
    ]
    low, high = np.searchsorted(decision.heirs, starts[number : number + 2])
    heirs, ancestors = decision.heirs[low:high] - starts[number], decision.ancestors[low:high]
    inherited: tuple[InheritedIds, ...] = ()
    if len(heirs):
        own = read_column(entry.url, keys.CELL_ID)[heirs]
        inherited = describe_inheritance(heirs, own, _ids(ancestors, history, starts))
    return replace(entry, left_out=(*quality_parts(entry), *duplicates), inherited=inherited)


def _ids(cells: np.ndarray, history: Sequence[StoreEntry], starts: np.ndarray) -> np.ndarray:
    ids = np.empty(len(cells), dtype=object)
    numbers = np.searchsorted(starts, cells, side="right") - 1
    for number in np.unique(numbers):
        here = numbers == number
        ids[here] = read_column(history[number].url, keys.CELL_ID)[cells[here] - starts[number]]
    return ids
