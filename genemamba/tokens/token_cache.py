"""Token stores that are there when asked for: opened, or cut from counts in bounded memory."""

import fcntl
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from genemamba import keys
from genemamba.atlas.genes.mapping import MAPPED
from genemamba.atlas.sparse import row_blocks
from genemamba.atlas.store import open_store, read_rows, read_var
from genemamba.errors import StoreError
from genemamba.publishing import publish, storage_errors
from genemamba.tokens.rank_encoder import RankEncoder
from genemamba.tokens.token_store import (
    BINS,
    COMMIT_MARK,
    INDPTR,
    TOKENS,
    TokenStore,
    TokenStoreKey,
    file_sha256,
)
from genemamba.tokens.vocabulary import Vocabulary


def ensure_token_store(
    url: str,
    vocabulary: Vocabulary,
    *,
    store_digest: str,
    seqlen: int,
    cache: Path,
    value_bins: int = 0,
) -> TokenStore:
    """Open the tokens of a store, cut from its counts first unless they are there and whole.

    Of several processes that want the same tokens one makes them, and the others wait. Nothing of
    a token store can be read before it is complete; what a killed process left is overwritten.

    Parameters
    ----------
    url
        The store.
    vocabulary
        Genes with their tokens and medians.
    store_digest
        Digest of the store's files, from the manifest.
    seqlen
        Tokens kept of a cell, at most.
    cache
        Local folder of token stores.
    value_bins
        Bins of expression to tell with each token, as for `bin_values`; 0 for none.

    Raises
    ------
    StoreError
        The store is missing, or part of it.
    CountsError
        A value of the store is negative or not finite.
    StorageError
        The cache cannot be written, or its disk is full.
    """
    key = TokenStoreKey(
        store_digest=store_digest,
        vocabulary_digest=vocabulary.digest,
        seqlen=seqlen,
        value_bins=value_bins,
    )
    folder = cache / key.name
    found = _open_or_none(folder, key)
    if found:
        return found
    with storage_errors(str(cache)), _alone(cache / f"{key.name}.lock"):
        found = _open_or_none(folder, key)
        if found:
            return found
        partial = cache / f"{key.name}.partial"
        for leftover in (partial, folder):
            shutil.rmtree(leftover, ignore_errors=True)
        partial.mkdir()
        _write(partial, url, vocabulary, key)
        publish(str(partial), str(folder), commit_mark=COMMIT_MARK)
    return TokenStore.open(folder, key)


def encoder_of_store(url: str, vocabulary: Vocabulary) -> RankEncoder:
    """Lay a vocabulary against the genes of a store; those without a known id have no token.

    Parameters
    ----------
    url
        The store.
    vocabulary
        Genes with their tokens and medians.
    """
    var = read_var(url)
    positions = vocabulary.positions(list(var.index))
    positions[~var[keys.GENE_STATUS].isin(MAPPED).to_numpy()] = -1
    return RankEncoder.over(vocabulary, positions)


def _write(folder: Path, url: str, vocabulary: Vocabulary, key: TokenStoreKey) -> None:
    group = open_store(url)
    matrix: Any = group["X"]
    encoder = encoder_of_store(url, vocabulary)
    dtype = "<u2" if vocabulary.size <= np.iinfo(np.uint16).max + 1 else "<u4"
    lengths = [np.zeros(1, dtype=np.int64)]
    told = (folder / BINS).open("wb") if key.value_bins else nullcontext()
    with (folder / TOKENS).open("wb") as file, told as bins_file:
        for start, stop in row_blocks(np.asarray(matrix["indptr"][:])):
            counts = read_rows(group, start=start, stop=stop)
            if not counts.data.all():
                # Zarr takes zeros for a file that is gone; a store holds none.
                msg = f"Expected counts above zero in {url}, found zeros: part of it is missing."
                raise StoreError(msg)
            encoded = encoder.encode(counts, seqlen=key.seqlen, value_bins=key.value_bins)
            encoded.tokens.astype(dtype).tofile(file)
            if bins_file and encoded.bins is not None:
                encoded.bins.tofile(bins_file)
            lengths.append(encoded.lengths)
    indptr = np.concatenate(lengths).cumsum()
    indptr.astype("<i8").tofile(folder / INDPTR)
    header = {
        "key": key.to_dict(),
        "store": {"n_obs": len(indptr) - 1, "n_tokens": int(indptr[-1]), "dtype": dtype},
        "sha256": {name: file_sha256(folder / name) for name in key.files},
    }
    (folder / COMMIT_MARK).write_text(json.dumps(header, indent=2))


def _open_or_none(folder: Path, key: TokenStoreKey) -> TokenStore | None:
    try:
        return TokenStore.open(folder, key)
    except StoreError:
        return None


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Wait until no other process is in the block; a killed one lets go."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
