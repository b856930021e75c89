"""Tokens of an atlas version that stay on disk: many token stores read as one set of cells."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from genemamba.atlas.versions.view import AtlasView
from genemamba.provenance import digest_json
from genemamba.tokens.token_cache import ensure_token_store
from genemamba.tokens.token_set import TokenSet, sha256_of_arrays
from genemamba.tokens.token_store import TokenStore
from genemamba.tokens.vocabulary import Vocabulary


class TokenSource(Protocol):
    """Cells that can be taken by number: a `TokenSet` in memory, or `StoredTokens` on disk."""

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each cell, shape ``(n_obs,)``."""
        ...

    @property
    def digest(self) -> str:
        """Equal for equal cells in equal order."""
        ...

    def take(self, rows: NDArray[np.int64], /) -> TokenSet:
        """Copy some cells into memory, in the order asked for."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class StoredTokens:
    """Cells of many token stores, one store behind the other.

    A token store is a local memory map, so single cells can be read at random: memory holds 16
    bytes a cell, however many tokens they have.
    """

    stores: tuple[TokenStore, ...]
    """The stores, at least one."""
    rows: NDArray[np.int64]
    """Row of each cell in its store, shape ``(n_obs,)``."""
    bounds: NDArray[np.int64]
    """First cell of each store, and the end, shape ``(n_stores + 1,)``."""
    lengths: NDArray[np.int64]
    """Tokens of each cell, shape ``(n_obs,)``."""

    @classmethod
    def join(cls, stores: Sequence[TokenStore], kept: Sequence[NDArray[np.int64] | None]) -> Self:
        """Put some rows of stores behind one another.

        Parameters
        ----------
        stores
            In order, at least one.
        kept
            Rows of each store, None for all.
        """
        parts = [
            np.arange(store.n_obs) if rows is None else rows
            for store, rows in zip(stores, kept, strict=True)
        ]
        lengths = [store.lengths()[rows] for store, rows in zip(stores, parts, strict=True)]
        return cls(
            stores=tuple(stores),
            rows=np.concatenate(parts),
            bounds=np.array([0, *(len(rows) for rows in parts)]).cumsum(),
            lengths=np.concatenate(lengths),
        )

    @classmethod
    def of_view(
        cls,
        view: AtlasView,
        vocabulary: Vocabulary,
        *,
        seqlen: int,
        cache: Path,
        value_bins: int = 0,
    ) -> Self:
        """Open the tokens of an atlas version; counts are read only where they are not cached.

        Parameters
        ----------
        view
            The atlas version.
        vocabulary
            Genes with their tokens and medians.
        seqlen
            Tokens kept of a cell, at most.
        cache
            Local folder of token stores.
        value_bins
            Bins of expression that are told with each token; 0 for none.

        Raises
        ------
        StoreError, CountsError, StorageError
            As for `genemamba.tokens.token_cache.ensure_token_store`.
        """
        entries = view.manifest.stores
        stores = [
            ensure_token_store(
                entry.url,
                vocabulary,
                store_digest=entry.digest,
                seqlen=seqlen,
                cache=cache,
                value_bins=value_bins,
            )
            for entry in entries
        ]
        return cls.join(stores, [entry.kept_rows() for entry in entries])

    @property
    def n_obs(self) -> int:
        """Cells of the version."""
        return len(self.rows)

    @property
    def digest(self) -> str:
        """``sha256:`` and 64 hex digits over the keys of the stores and the rows taken."""
        return digest_json(
            {
                "stores": [store.folder.name for store in self.stores],
                "rows": sha256_of_arrays(self.rows, self.bounds),
            }
        )

    def take(self, rows: NDArray[np.int64], /) -> TokenSet:
        """Copy some cells into memory, in the order asked for.

        Parameters
        ----------
        rows
            Positions of the cells, shape ``(n_taken,)``.
        """
        source = np.searchsorted(self.bounds, rows, side="right") - 1
        by_source = np.argsort(source, kind="stable")
        parts = []
        for number in np.unique(source).tolist():
            places = self.rows[rows[source == number]]
            parts.append(self.stores[number].read(_runs(places)))
        back = np.empty_like(by_source)
        back[by_source] = np.arange(len(rows))
        return TokenSet.join(parts).take(back)

    def read(self, start: int, stop: int) -> TokenSet:
        """Copy consecutive cells into memory.

        Parameters
        ----------
        start, stop
            First cell, and one past the last.
        """
        return self.take(np.arange(start, stop))


def _runs(rows: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Join rows that follow one another; there is at least one."""
    breaks = np.flatnonzero(np.diff(rows) != 1) + 1
    starts, lasts = rows[np.r_[0, breaks]], rows[np.r_[breaks - 1, len(rows) - 1]]
    return list(zip(starts.tolist(), (lasts + 1).tolist(), strict=True))
