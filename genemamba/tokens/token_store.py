"""Gene tokens of a store, kept on this machine's disk and read by memory map.

A token store saves time only: it can be deleted at any moment, and is made again from the store.
It is a folder of raw little-endian arrays and of a JSON file that says what they are::

    tokens.bin         uint16, or uint32 for a large vocabulary; one cell after the other
    indptr.bin         int64; where each cell begins, and the end
    bins.bin           uint8; binned expression of each token, where it is wanted
    token_store.json   key, sizes and sha256 of all; its presence marks a complete store
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from genemamba.errors import StoreError
from genemamba.provenance import digest_json
from genemamba.tokens.rank_encoder import ENCODING_VERSION
from genemamba.tokens.token_set import TokenSet

COMMIT_MARK: Final = "token_store.json"
"""Written last."""

TOKENS: Final = "tokens.bin"
"""Name of the tokens' file."""

INDPTR: Final = "indptr.bin"
"""Name of the pointers' file."""

BINS: Final = "bins.bin"
"""Name of the file of binned expression."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenStoreKey:
    """What decides the tokens of a store; equal keys are the same tokens."""

    store_digest: str
    """Digest of the store's files."""
    vocabulary_digest: str
    """Digest over genes and medians."""
    seqlen: int
    """Tokens kept of a cell, at most."""
    encoding: str = ENCODING_VERSION
    """Name of the rule that orders them."""
    value_bins: int = 0
    """Bins of expression that are told with each token; 0 for none."""

    @property
    def name(self) -> str:
        """Name of the folder: 16 hex digits."""
        return digest_json(self.to_dict()).removeprefix("sha256:")[:16]

    @property
    def files(self) -> tuple[str, ...]:
        """Names of the arrays' files."""
        return (TOKENS, INDPTR, BINS) if self.value_bins else (TOKENS, INDPTR)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON can hold them; without bins, none are spoken of."""
        fields = asdict(self)
        return fields if self.value_bins else {k: fields[k] for k in fields if k != "value_bins"}


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenStore:
    """Tokens of every row of a store; picklable, and safe to use after a fork: it holds no file."""

    folder: Path
    """Where the files lie."""
    n_obs: int
    """Rows of the store."""
    n_tokens: int
    """Tokens in all."""
    dtype: str
    """Type of a token on disk, such as ``<u2``."""
    has_bins: bool = False
    """Whether binned expression is told with each token."""

    @classmethod
    def open(cls, folder: Path, key: TokenStoreKey) -> Self:
        """Open a complete token store, after every byte of it was compared with its checksum.

        Parameters
        ----------
        folder
            Where it lies.
        key
            What it should hold.

        Raises
        ------
        StoreError
            It is not there, is damaged, or holds something else.
        """
        try:
            header: dict[str, Any] = json.loads((folder / COMMIT_MARK).read_text())
            sums = {name: file_sha256(folder / name) for name in key.files}
            found = header["key"], header["sha256"]
            store = cls(folder=folder, has_bins=bool(key.value_bins), **header["store"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            msg = f"Expected a token store at {folder}, found none that is whole ({error!r})."
            raise StoreError(msg) from error
        if found != (key.to_dict(), sums):
            msg = f"Expected the tokens of {key} at {folder}, found other bytes. Delete them."
            raise StoreError(msg)
        return store

    def lengths(self) -> NDArray[np.int64]:
        """Return the tokens of each row, shape ``(n_obs,)``."""
        return np.diff(self._map(INDPTR, "<i8"))

    def read(self, ranges: Sequence[tuple[int, int]]) -> TokenSet:
        """Copy the tokens of some rows into memory.

        Parameters
        ----------
        ranges
            First row, and one past the last, of every run of rows wanted, in the order wanted.
        """
        indptr = self._map(INDPTR, "<i8")
        tokens = self._map(TOKENS, self.dtype)
        parts = [tokens[indptr[start] : indptr[stop]] for start, stop in ranges]
        lengths = [np.diff(indptr[start : stop + 1]) for start, stop in ranges]
        bins = None
        if self.has_bins:
            every = self._map(BINS, "u1")
            told = [every[indptr[start] : indptr[stop]] for start, stop in ranges]
            bins = np.concatenate([np.empty(0, dtype=np.uint8), *told])
        return TokenSet(
            tokens=np.concatenate([np.empty(0, dtype=self.dtype), *parts]).astype(np.int32),
            indptr=np.concatenate([np.zeros(1, dtype=np.int64), *lengths]).cumsum(),
            bins=bins,
        )

    def _map(self, name: str, dtype: str) -> NDArray[Any]:
        size = self.n_obs + 1 if name == INDPTR else self.n_tokens
        if size == 0:  # an empty file cannot be mapped
            return np.empty(0, dtype=dtype)
        return np.memmap(self.folder / name, dtype=dtype, mode="r", shape=(size,))


def file_sha256(path: Path) -> str:
    """Return 64 hex digits over the bytes of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
