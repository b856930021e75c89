"""The shuffled loader against random access to single cells, from the same store."""

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import zarr
from anndata.io import sparse_dataset, write_elem
from numpy.typing import NDArray
from zarr.codecs import BloscCodec, BytesCodec

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.harness import REPEATS, document, run_benchmark
from benchmarks.rank_encoding import SEQLEN, synthetic_counts
from genemamba import keys
from genemamba.atlas.codecs import explicit_defaults
from genemamba.atlas.genes.mapping import MAPPED
from genemamba.atlas.geometry import cut_values
from genemamba.tokens.cell_sources import TokenCells
from genemamba.tokens.count_cells import CountCells
from genemamba.tokens.loader import CellLoader
from genemamba.tokens.loader_options import LoaderOptions
from genemamba.tokens.token_cache import ensure_token_store
from genemamba.tokens.vocabulary import Vocabulary

BATCH_SIZE = 64
N_TYPES = 30
N_RANDOM = 5
PIPELINES = {
    "zarr": "zarr.core.codec_pipeline.BatchedCodecPipeline",
    "zarrs": "zarrs.ZarrsCodecPipeline",
}


def main() -> None:
    """Compare the loader with random access to single cells."""
    run_benchmark("loader", benchmark)


def benchmark(*, quick: bool) -> dict[str, Any]:
    """Compare the loader with random access to single cells.

    The store is sorted by cell type, the worst case for blocks of neighbours. Both read it with
    the same codecs; the ratios are those of zarr's own, which are slower for both.
    """
    n_obs = 16_384 if quick else 131_072
    with tempfile.TemporaryDirectory(prefix="genemamba-loader-") as folder:
        labels = sorted_labels(n_obs)
        url = f"{folder}/store.zarr"
        write_store(url, n_obs=n_obs)
        speeds = {name: compare(url, labels, pipeline) for name, pipeline in PIPELINES.items()}
        tokens = time_tokens(url, Path(folder), labels)
    entropies = compare_entropies(speeds["zarr"].pop("minibatches"), labels)
    speeds["zarrs"].pop("minibatches")
    ratios = {
        "loader_vs_annloader_random": speeds["zarr"]["ratio"],
        "label_entropy_vs_true_shuffle": entropies["ours"] / entropies["true_shuffle"],
    }
    detail = {
        "n_obs": n_obs,
        "batch_size": BATCH_SIZE,
        "cells_per_s": {**speeds, "tokens": tokens},
        "label_entropy": {name: round(value, 4) for name, value in entropies.items()},
    }
    return document(ratios, detail, ["anndata", "numpy", "zarr", "zarrs"])


def compare(url: str, labels: NDArray[np.int64], pipeline: str) -> dict[str, Any]:
    """Time an epoch of ours and some minibatches of random rows, in turn."""
    with zarr.config.set({"codec_pipeline.path": pipeline}):
        loader = CellLoader(
            [CountCells(url, gene_ids())], LoaderOptions(batch_size=BATCH_SIZE), labels=labels
        )
        rows = iter(random_rows(len(labels)))
        matrix = sparse_dataset(zarr.open_group(url, mode="r")["X"])
        ours, theirs, minibatches = [], [], []
        for _ in range(REPEATS):
            start = time.perf_counter()
            minibatches = [minibatch.labels for minibatch in loader]
            ours.append(len(labels) / (time.perf_counter() - start))
            start = time.perf_counter()
            for _ in range(N_RANDOM):
                # As AnnCollection does for AnnLoader: one indexing by sorted rows a minibatch.
                matrix[np.sort(next(rows))]
            theirs.append(N_RANDOM * BATCH_SIZE / (time.perf_counter() - start))
    return {
        "ratio": float(np.median(ours) / np.median(theirs)),
        "ours": round(float(np.median(ours))),
        "annloader_random": round(float(np.median(theirs))),
        "minibatches": minibatches,
    }


def time_tokens(url: str, folder: Path, labels: NDArray[np.int64]) -> dict[str, int]:
    """Time the making of a token store, and epochs from it."""
    rng = np.random.default_rng(0)
    vocabulary = Vocabulary(gene_ids(), rng.lognormal(0, 1, len(gene_ids())).astype(np.float32))
    start = time.perf_counter()
    store = ensure_token_store(
        url, vocabulary, store_digest="benchmark", seqlen=SEQLEN, cache=folder / "tokens"
    )
    made = time.perf_counter() - start
    loader = CellLoader([TokenCells(store)], LoaderOptions(batch_size=BATCH_SIZE))
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        for _minibatch in loader:
            pass
        seconds.append(time.perf_counter() - start)
    return {"made": round(len(labels) / made), "loaded": round(len(labels) / np.median(seconds))}


def compare_entropies(
    minibatches: list[NDArray[np.int64]], labels: NDArray[np.int64]
) -> dict[str, float]:
    """Return the mean entropy of a minibatch's labels, of ours and of a true shuffle."""
    shuffled = np.random.default_rng(1).permutation(labels)
    full = [minibatch for minibatch in minibatches if len(minibatch) == BATCH_SIZE]
    cut = np.split(shuffled[: BATCH_SIZE * len(full)], len(full))
    return {"ours": mean_entropy(full), "true_shuffle": mean_entropy(cut)}


def mean_entropy(minibatches: list[NDArray[np.int64]]) -> float:
    """Return the mean Shannon entropy of labels, in nats."""
    shares = np.array([np.bincount(m, minlength=N_TYPES) / len(m) for m in minibatches])
    logs = np.log(shares, where=shares > 0, out=np.zeros_like(shares))
    return float(-(shares * logs).sum(axis=1).mean())


def sorted_labels(n_obs: int) -> NDArray[np.int64]:
    """Draw cell types of unequal size, in order."""
    rng = np.random.default_rng(2)
    return np.sort(rng.choice(N_TYPES, size=n_obs, p=rng.dirichlet(np.full(N_TYPES, 2.0))))


def random_rows(n_obs: int) -> Iterator[NDArray[np.int64]]:
    """Yield minibatches of a shuffled epoch, one epoch after the other."""
    rng = np.random.default_rng(3)
    while True:
        order = rng.permutation(n_obs)
        yield from np.split(order, range(BATCH_SIZE, n_obs, BATCH_SIZE))


def gene_ids() -> tuple[str, ...]:
    """Name the genes."""
    return tuple(f"ENSG{i:011d}" for i in range(30_000))


def write_store(url: str, *, n_obs: int) -> None:
    """Write a store of synthetic cells, chunked and compressed as ours are, block by block."""
    part_n_obs = 16_384
    parts = [
        synthetic_counts(n_obs=part_n_obs, seed=seed) for seed in range(-(-n_obs // part_n_obs))
    ]
    indptr = np.concatenate([[0], *(np.diff(part.indptr) for part in parts)]).cumsum()
    grid = cut_values(nnz=int(indptr[-1]), n_obs=n_obs)
    with explicit_defaults():
        root = zarr.open_group(url, mode="w", zarr_format=3)
        write_elem(root, "obs", pd.DataFrame(index=[f"cell{i}" for i in range(n_obs)]))
        status = np.full(30_000, min(MAPPED), dtype=object)
        write_elem(root, "var", pd.DataFrame({keys.GENE_STATUS: status}, index=list(gene_ids())))
        matrix = root.create_group("X")
        matrix.attrs.update(
            {
                "encoding-type": "csr_matrix",
                "encoding-version": "0.1.0",
                "shape": [n_obs, 30_000],
            }
        )
        write_elem(matrix, "indptr", indptr)
        for name in ("data", "indices"):
            values = np.concatenate([getattr(part, name) for part in parts])
            array = matrix.create_array(
                name,
                shape=values.shape,
                dtype=np.uint16 if name == "data" else np.int32,
                chunks=(grid.chunk,),
                shards=(grid.shard,),
                compressors=[BloscCodec(cname="zstd", clevel=3, shuffle="bitshuffle")],
                filters=None,
                serializer=BytesCodec(endian="little"),
                fill_value=0,
            )
            for low, high in grid.ranges():
                array[low:high] = values[low:high].astype(array.dtype)
        root.attrs.update({"encoding-type": "anndata", "encoding-version": "0.1.0"})
        zarr.consolidate_metadata(root.store)


if __name__ == "__main__":
    main()
