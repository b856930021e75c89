"""The sharded array of an embedding: its cut, its bytes, and the note of every shard written."""

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import zarr
from numpy.typing import NDArray

from genemamba import keys
from genemamba.atlas.geometry import ShardGrid
from genemamba.atlas.ingest.shard_bytes import ShardEncoder, array_options
from genemamba.publishing import storage_errors
from genemamba.storage import join_url, remove_all_but, split_url

CELLS_PER_CHUNK: Final = 256
"""Cells whose embedding is the least that is read: 512 kB at a width of 512."""

CELLS_PER_SHARD: Final = 4096
"""Cells of one file, 8 MB at a width of 512: what a killed process computes again at most, and
enough cells to put those of like length side by side."""

ARRAY: Final = f"obsm/{keys.X_GENEMAMBA}"
"""Where the array lies in its AnnData."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EmbeddingGrid:
    """Regular cut along the cells of an embedding, or of another float32 array beside them."""

    n_obs: int
    """Cells."""
    d_model: int
    """Width."""
    chunk_n_obs: int
    """Cells of a chunk."""
    shard_n_obs: int
    """Cells of a shard, a multiple of `chunk_n_obs`."""
    array: str = ARRAY
    """Where it lies in its AnnData."""

    @classmethod
    def cut(
        cls, *, n_obs: int, d_model: int, shard_n_obs: int = CELLS_PER_SHARD, array: str = ARRAY
    ) -> Self:
        """Cut an embedding.

        Parameters
        ----------
        n_obs
            Cells.
        d_model
            Width.
        shard_n_obs
            Cells a shard may hold; rounded down to whole chunks.
        array
            Where it lies in its AnnData.
        """
        chunk = min(CELLS_PER_CHUNK, shard_n_obs)
        return cls(
            n_obs=n_obs,
            d_model=d_model,
            chunk_n_obs=chunk,
            shard_n_obs=chunk * (shard_n_obs // chunk),
            array=array,
        )

    @property
    def n_shards(self) -> int:
        """Shards in all."""
        return -(-self.n_obs // self.shard_n_obs)

    def rows(self, number: int) -> tuple[int, int]:
        """Return the first cell of a shard, and one past its last."""
        start = number * self.shard_n_obs
        return start, min(start + self.shard_n_obs, self.n_obs)

    def n_rows(self, number: int) -> int:
        """Return the cells of a shard."""
        start, stop = self.rows(number)
        return stop - start

    def create(self, root: zarr.Group) -> None:
        """Create the array at its final size; the metadata alone is written.

        Parameters
        ----------
        root
            Of an AnnData with a group ``obsm``.
        """
        options: dict[str, Any] = array_options(self._flat()) | {
            "shape": (self.n_obs, self.d_model),
            "chunks": (self.chunk_n_obs, self.d_model),
            "shards": (self.shard_n_obs, self.d_model),
        }
        root.create_array(
            self.array,
            dtype=np.float32,
            attributes={"encoding-type": "array", "encoding-version": "0.2.0"},
            **options,
        )

    def encode(self, embedding: NDArray[np.float32]) -> bytes:
        """Return the bytes of a shard.

        A chunk spans the whole width, so its numbers follow one another as those of an array of
        one dimension do.

        Parameters
        ----------
        embedding
            Of the shard's cells, shape ``(n_rows, d_model)``.
        """
        shard = ShardEncoder(self._flat(), np.dtype(np.float32))
        shard.append(embedding.reshape(-1))
        return shard.finish()

    def _flat(self) -> ShardGrid:
        return ShardGrid(
            size=self.n_obs * self.d_model,
            chunk=self.chunk_n_obs * self.d_model,
            shard=self.shard_n_obs * self.d_model,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class ShardFiles:
    """Shards as files of an AnnData Zarr, each noted in a journal once it is whole."""

    url: str
    """The AnnData, local or remote."""
    journal: Path
    """Local folder of notes."""
    plan: str
    """Digest of all that decides the numbers: notes of other work do not count."""

    def path(self, number: int) -> str:
        """Return where a shard lies on its filesystem."""
        return join_url(split_url(self.url)[1], ARRAY, "c", str(number), "0")

    def found(self, grid: EmbeddingGrid) -> frozenset[int]:
        """Return the shards that were written for this plan, and whose bytes are as noted then.

        Parameters
        ----------
        grid
            Cut of the array.

        Raises
        ------
        StorageError
            The journal cannot be written.
        """
        with storage_errors(str(self.journal)):
            self.journal.mkdir(parents=True, exist_ok=True)
        return frozenset(number for number in range(grid.n_shards) if self._has(number))

    def write(self, number: int, content: bytes) -> None:
        """Write a shard, and then its note.

        Raises
        ------
        StorageError
            The place cannot be written, or its disk is full.
        """
        fs, path = split_url(self.url)[0], self.path(number)
        with storage_errors(self.url):
            fs.makedirs(path.rpartition("/")[0], exist_ok=True)
            fs.pipe_file(path, content)
            partial = self._note(number).with_suffix(".partial")
            partial.write_text(json.dumps({"plan": self.plan, "sha256": _sha256(content)}))
            partial.rename(self._note(number))

    def clear_all_but(self, numbers: Collection[int]) -> None:
        """Remove what a killed attempt left, its half-written metadata among it, but some shards.

        Parameters
        ----------
        numbers
            Shards that are kept.
        """
        remove_all_but(self.url, {self.path(number) for number in numbers})

    def _has(self, number: int) -> bool:
        note, fs = self._note(number), split_url(self.url)[0]
        if not note.exists() or not fs.exists(self.path(number)):
            return False
        found = _sha256(fs.cat_file(self.path(number)))
        noted: dict[str, str] = json.loads(note.read_text())
        return noted == {"plan": self.plan, "sha256": found}

    def _note(self, number: int) -> Path:
        return self.journal / f"{number}.json"


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
