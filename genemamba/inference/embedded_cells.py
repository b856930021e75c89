"""An embedding that was written: read by ranges of cells, or copied as it lies there."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from anndata.io import read_elem
from numpy.typing import NDArray

from genemamba import keys
from genemamba.errors import StoreError
from genemamba.inference.embedding_shards import ARRAY
from genemamba.provenance import Json
from genemamba.storage import join_url, open_zarr_group, relative_path, split_url


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class EmbeddedCells:
    """Cells with their embedding on disk."""

    url: str
    """The AnnData Zarr."""
    obs: pd.DataFrame
    """Cells, index = `keys.CELL_ID`, with `keys.N_TOKENS`."""
    facts: dict[str, Json]
    """What made it, from ``uns``."""
    array: Any
    """Zarr array, float32, shape ``(n_obs, d_model)``."""

    @classmethod
    def open(cls, url: str) -> Self:
        """Open an embedding that was written to the end.

        Parameters
        ----------
        url
            Local path, or any URL that fsspec knows.

        Raises
        ------
        StoreError
            There is none, or its writing was cut off.
        """
        try:
            root = open_zarr_group(url, mode="r")
        except FileNotFoundError as error:
            msg = f"Expected an embedding at {url}, found nothing. Embed the atlas again."
            raise StoreError(msg) from error
        if root.metadata.consolidated_metadata is None or ARRAY not in root:
            msg = f"Expected a whole embedding at {url}, found one cut off. Embed the atlas again."
            raise StoreError(msg)
        facts: dict[str, Json] = read_elem(root[f"uns/{keys.UNS}"])
        return cls(url=url, obs=read_elem(root["obs"]), facts=facts, array=root[ARRAY])

    @property
    def n_obs(self) -> int:
        """Cells."""
        return len(self.obs)

    @property
    def has_token(self) -> NDArray[np.bool_]:
        """True where a cell expresses a gene of the model's vocabulary, shape ``(n_obs,)``."""
        return np.asarray(self.obs[keys.N_TOKENS].to_numpy() > 0)

    def read(self, start: int = 0, stop: int | None = None) -> NDArray[np.float32]:
        """Read the embedding of consecutive cells, shape ``(stop - start, d_model)``.

        Parameters
        ----------
        start, stop
            First cell, and one past the last; all of them by default.

        Raises
        ------
        StoreError
            Part of it is missing.
        """
        stop = self.n_obs if stop is None else stop
        embedding = np.asarray(self.array[start:stop])
        # Zarr takes zeros for a file that is gone; a cell with a gene has no such embedding.
        is_zero = (embedding == 0).all(axis=1)
        if (is_zero & self.has_token[start:stop]).any():
            msg = f"Expected the embedding at {self.url} as written, found part of it missing."
            raise StoreError(msg)
        return embedding

    def blocks(self) -> Iterator[tuple[slice, NDArray[np.float32]]]:
        """Yield the cells of one shard after the other, with their rows."""
        size = self.array.shards[0]
        for start in range(0, self.n_obs, size):
            stop = min(start + size, self.n_obs)
            yield slice(start, stop), self.read(start, stop)

    def take(self, rows: NDArray[np.integer]) -> NDArray[np.float32]:
        """Read the embedding of some cells, one shard in memory at a time.

        Parameters
        ----------
        rows
            Ascending, shape ``(n_taken,)``.

        Raises
        ------
        StoreError
            Part of it is missing.
        """
        taken = np.empty((len(rows), self.array.shape[1]), dtype=np.float32)
        for here, embedding in self.blocks():
            low, high = np.searchsorted(rows, [here.start, here.stop])
            taken[low:high] = embedding[rows[low:high] - here.start]
        return taken

    def copy_array(self, url: str) -> None:
        """Copy the array, file by file, into another AnnData Zarr.

        Parameters
        ----------
        url
            The other one, local or remote; its metadata is to be consolidated afterwards.
        """
        fs, source = split_url(join_url(self.url, ARRAY))
        other_fs, target = split_url(join_url(url, ARRAY))
        for path in fs.find(source):
            copy = join_url(target, relative_path(path, source))
            other_fs.makedirs(copy.rpartition("/")[0], exist_ok=True)
            other_fs.pipe_file(copy, fs.cat_file(path))
