"""Equal cells among all stores that an atlas ever had, found through an index of their hashes."""

import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from genemamba.array_files import read_arrays
from genemamba.atlas.versions.cell_index import CellIndex
from genemamba.atlas.versions.duplicates import Links, join_links
from genemamba.atlas.versions.manifests import StoreEntry
from genemamba.atlas.versions.panels import (
    EVERY_GENE,
    MIN_GENES,
    MIN_PANEL,
    PanelHashes,
    comparable_ids,
    count_expressed,
    hash_over,
    panel_name,
    read_hashes,
)
from genemamba.provenance import digest_json, source_digest

MODULES: Final = tuple(
    f"atlas/{name}.py"
    for name in ("cells/hashing", "versions/duplicates", "versions/matching", "versions/panels")
)
"""Library modules that decide which cells are equal."""


class Panel(NamedTuple):
    """A comparison of one store with earlier ones."""

    name: str
    """As the index calls it."""
    gene_ids: frozenset[str]
    """Its genes; none for `EVERY_GENE`."""
    earlier: list[int]
    """Numbers of the stores to compare with."""


def link_cells(
    stores: Sequence[StoreEntry], index: CellIndex, *, cache: Path | None = None
) -> Links:
    """Find, for every cell, the earliest one that it equals.

    Two stores of the same genes are compared by `keys.CONTENT_HASH`. Two others are compared by it
    too, and over the genes that they share, where these are `MIN_PANEL` or more. A cell that
    expresses fewer than `MIN_GENES` of the compared genes equals none.

    Parameters
    ----------
    stores
        All that the atlas ever had, the earliest first.
    index
        Cells of any stores; those that it lacks are added.
    cache
        Local folder for what was found: a later store changes nothing among earlier ones.

    Returns
    -------
    Links between cells, numbered through the stores.
    """
    genes = [comparable_ids(entry.url) for entry in stores]
    starts = np.cumsum([0, *(entry.n_obs for entry in stores)])
    found = []
    for number, entry in enumerate(stores):
        kept = cache / f"{_key(stores[: number + 1])}.npz" if cache else None
        links = _load(kept)
        if links is None:
            panels = _panels(number, genes)
            parts = [_link(number, panel, stores, starts, index) for panel in panels]
            links = join_links(parts)
            _save(links, kept)
        _index_once(index, entry, EVERY_GENE, frozenset())
        found.append(links)
    return join_links(found)


def _panels(number: int, genes: Sequence[frozenset[str]]) -> Iterator[Panel]:
    yield Panel(EVERY_GENE, frozenset(), list(range(number)))
    shared: dict[frozenset[str], list[int]] = {}
    for other in range(number):
        if genes[other] != genes[number]:
            shared.setdefault(genes[other] & genes[number], []).append(other)
    for gene_ids, earlier in shared.items():
        if len(gene_ids) >= MIN_PANEL:
            yield Panel(panel_name(gene_ids), gene_ids, earlier)


def _link(
    number: int, panel: Panel, stores: Sequence[StoreEntry], starts: np.ndarray, index: CellIndex
) -> Links:
    for other in panel.earlier:
        _index_once(index, stores[other], panel.name, panel.gene_ids)
    entry = stores[number]
    cells = _hash_cells(entry, panel.gene_ids)
    enough = np.arange(entry.n_obs)
    if panel.name != EVERY_GENE:
        enough = np.flatnonzero(cells.n_genes >= MIN_GENES)
    unique, first, which = np.unique(cells.hashes[enough], return_index=True, return_inverse=True)
    parents = _earliest(unique, panel, stores, starts, index)
    if panel.name == EVERY_GENE:
        parents = np.minimum(parents, starts[number] + first)
    child, parent = starts[number] + enough, parents[which]
    linked = parent < child
    child, parent = child[linked], parent[linked]
    if panel.name == EVERY_GENE:
        linked = count_expressed(entry.url, child - starts[number]) >= MIN_GENES
        child, parent = child[linked], parent[linked]
    return Links(child, parent)


def _earliest(
    unique: np.ndarray,
    panel: Panel,
    stores: Sequence[StoreEntry],
    starts: np.ndarray,
    index: CellIndex,
) -> np.ndarray:
    """Return the number of the earliest cell of each hash; a number beyond all for none."""
    parents = np.full(len(unique), starts[-1], dtype=np.int64)
    if panel.earlier and len(unique):
        wanted = {stores[other].digest: starts[other] for other in panel.earlier}
        matches = index.find_cells(panel.name, unique, stores=list(wanted))
        offsets = np.asarray([wanted[digest] for digest in matches.stores], dtype=np.int64)
        np.minimum.at(parents, matches.query, offsets[matches.store] + matches.row)
    return parents


def _index_once(index: CellIndex, entry: StoreEntry, panel: str, gene_ids: frozenset[str]) -> None:
    if panel not in index.indexed_panels(entry.digest):
        index.index_cells(entry.digest, panel, _hash_cells(entry, gene_ids).hashes)


def _hash_cells(entry: StoreEntry, gene_ids: frozenset[str]) -> PanelHashes:
    if not gene_ids:
        return PanelHashes(read_hashes(entry.url), np.empty(0, dtype=np.int64))
    blocks = list(hash_over(entry.url, gene_ids))
    return PanelHashes(*(np.concatenate(column) for column in zip(*blocks, strict=True)))


def _key(stores: Sequence[StoreEntry]) -> str:
    digests = [entry.digest for entry in stores]
    return digest_json([digests, source_digest(*MODULES)]).removeprefix("sha256:")[:32]


def _load(path: Path | None) -> Links | None:
    if path is None or not path.exists():
        return None
    return Links(**read_arrays(path))


def _save(links: Links, path: Path | None) -> None:
    if path is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.stem}-{uuid.uuid4().hex}.npz")
    np.savez(partial, **links._asdict())
    partial.rename(path)
