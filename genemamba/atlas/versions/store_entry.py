"""A store as an atlas version lists it: what it is, when it joined, which cells are left out."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from genemamba.atlas.versions.left_out import InheritedIds, LeftOut, left_out_rows
from genemamba.provenance import Json


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
    """Cells of the store, left out or not."""
    n_vars: int
    """Genes."""
    deposit_sha256: str
    """64 hex digits over the deposit's bytes."""
    position: int | None = None
    """How many deposits came to the atlas before this one; None until a manifest lists it."""
    left_out: tuple[LeftOut, ...] = ()
    """Rows that are no cells of the version."""
    inherited: tuple[InheritedIds, ...] = ()
    """Rows with ids from a deposit that had the same cell earlier."""

    @property
    def n_kept(self) -> int:
        """Cells of the store that the version has."""
        return self.n_obs - sum(part.n_obs for part in self.left_out)

    def kept_rows(self) -> np.ndarray:
        """Return the rows of the store that the version has, int64, ascending."""
        is_kept = np.ones(self.n_obs, dtype=bool)
        is_kept[left_out_rows(self.left_out)] = False
        return np.flatnonzero(is_kept)

    def to_json(self) -> dict[str, Json]:
        """Return it as a manifest holds it; what is empty is not written."""
        document: dict[str, Json] = asdict(self)
        for field in ("left_out", "inherited"):
            del document[field]
            if parts := getattr(self, field):
                document |= {field: [part.to_json() for part in parts]}
        return document

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "StoreEntry":
        """Read what `to_json` gave."""
        parts = {
            "left_out": tuple(LeftOut(**part) for part in document.get("left_out", ())),
            "inherited": tuple(map(InheritedIds.from_json, document.get("inherited", ()))),
        }
        return cls(**{**document, **parts})
