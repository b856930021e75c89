"""Rank encoding on all cores against a loop over cells in NumPy, as Geneformer's tokenizer is."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.harness import document, median_seconds, run_benchmark
from genemamba.tokens.rank_encoder import RankEncoder, usable_cores
from genemamba.tokens.vocabulary import FIRST_GENE_TOKEN, TARGET_SUM, Vocabulary

SEQLEN = 2048
N_VARS = 30_000


def main() -> None:
    """Compare rank encoding with a loop over cells."""
    run_benchmark("rank_encoding", benchmark)


def benchmark(*, quick: bool) -> dict[str, Any]:
    """Compare rank encoding with a loop over cells."""
    outcome = rank_encode_ratio(n_obs=10_000 if quick else 50_000)
    return document(
        {"rank_encode_vs_loop": outcome.pop("ratio")}, outcome, ["numba", "numpy", "scipy"]
    )


def rank_encode_ratio(*, n_obs: int) -> dict[str, Any]:
    """Time both on the same cells, and compare what they give.

    Parameters
    ----------
    n_obs
        Cells; the loop, whose time for each is the same, gets a tenth of them.

    Returns
    -------
    ``ratio`` of cells per second, and where it comes from. ``equal`` says that every token is
    that of a stable sort by value and vocabulary.
    """
    counts = synthetic_counts(n_obs=n_obs)
    rng = np.random.default_rng(1)
    gene_ids = tuple(f"ENSG{i:011d}" for i in range(N_VARS))
    vocabulary = Vocabulary(gene_ids, rng.lognormal(0, 1, N_VARS).astype(np.float32))
    # As in a store: its genes are in an order of their own.
    columns = rng.permutation(N_VARS)
    encoder = RankEncoder.over(vocabulary, columns)
    few = counts[: n_obs // 10]
    medians, tokens = vocabulary.medians[columns], columns + FIRST_GENE_TOKEN
    seconds = median_seconds(
        {
            "loop": lambda: loop_over_views(few, medians, tokens),
            "row_loop": lambda: loop_over_rows(few, medians, tokens),
            "bare_loop": lambda: loop_over_slices(few, medians, tokens),
            "ours": lambda: encoder.encode(counts, seqlen=SEQLEN),
            "ours_one_core": lambda: encoder.encode(counts, seqlen=SEQLEN, n_threads=1),
        }
    )
    rates = {
        name: (few.shape[0] if "loop" in name else n_obs) / value for name, value in seconds.items()
    }
    ours = encoder.encode(few, seqlen=SEQLEN).tokens
    return {
        "ratio": rates["ours"] / rates["loop"],
        "ratio_one_core": round(rates["ours_one_core"] / rates["loop"], 2),
        "ratio_to_row_loop": round(rates["ours"] / rates["row_loop"], 2),
        "ratio_to_bare_loop": round(rates["ours"] / rates["bare_loop"], 2),
        "cells_per_s": {name: round(rate) for name, rate in rates.items()},
        "equal": bool(np.array_equal(ours, stable_order(few, medians, tokens))),
        "n_obs": n_obs,
        "values_per_cell": round(counts.nnz / n_obs),
        "seqlen": SEQLEN,
        "threads": usable_cores(),
    }


def loop_over_views(
    counts: csr_matrix, medians: NDArray[np.float32], tokens: NDArray[np.int64]
) -> list[NDArray[np.int64]]:
    """Normalise 512 cells, then take and sort one after the other; equal values fall as they may.

    These are the steps of Geneformer's tokenizer, which takes every row of its CSR matrix twice.
    """
    n_counts = np.asarray(counts.sum(axis=1)).ravel()
    cells = []
    for start in range(0, counts.shape[0], 512):
        totals = n_counts[start : start + 512, None]
        view = csr_matrix(counts[start : start + 512] / totals * TARGET_SUM / medians)
        for cell in range(view.shape[0]):
            values, genes = view[cell].data, tokens[view[cell].indices]
            cells.append(genes[np.argsort(-values)][:SEQLEN])
    return cells


def loop_over_rows(
    counts: csr_matrix, medians: NDArray[np.float32], tokens: NDArray[np.int64]
) -> list[NDArray[np.int64]]:
    """Take each row once, and normalise it by itself."""
    medians_f64 = medians.astype(np.float64)
    cells = []
    for cell in range(counts.shape[0]):
        row = counts[cell]
        values = row.data / row.data.sum(dtype=np.float64) * TARGET_SUM / medians_f64[row.indices]
        cells.append(tokens[row.indices][np.argsort(-values)][:SEQLEN])
    return cells


def loop_over_slices(
    counts: csr_matrix, medians: NDArray[np.float32], tokens: NDArray[np.int64]
) -> list[NDArray[np.int64]]:
    """Do the same on slices of the CSR arrays, about the least that a loop in NumPy can do."""
    n_counts = np.asarray(counts.sum(axis=1, dtype=np.float64)).ravel()
    cells = []
    for cell in range(counts.shape[0]):
        here = slice(counts.indptr[cell], counts.indptr[cell + 1])
        genes = counts.indices[here]
        values = counts.data[here] / n_counts[cell] * TARGET_SUM / medians[genes]
        cells.append(tokens[genes][np.argsort(-values)][:SEQLEN])
    return cells


def stable_order(
    counts: csr_matrix, medians: NDArray[np.float32], tokens: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Sort every cell by count over median, highest first, and then by token."""
    cells = []
    for cell in range(counts.shape[0]):
        here = slice(counts.indptr[cell], counts.indptr[cell + 1])
        genes = counts.indices[here]
        order = np.lexsort((tokens[genes], -(counts.data[here] / medians[genes])))
        cells.append(tokens[genes][order][:SEQLEN])
    return np.concatenate(cells)


def synthetic_counts(*, n_obs: int, n_vars: int = N_VARS, seed: int = 0) -> csr_matrix:
    """Draw cells of 1,000 to 3,000 expressed genes with skewed counts, canonical, float32.

    Parameters
    ----------
    n_obs, n_vars
        Cells and genes.
    seed
        Of the draw.
    """
    rng = np.random.default_rng(seed)
    usage = rng.lognormal(0, 1.5, n_vars)
    usage /= usage.sum()
    programs = [
        np.sort(rng.choice(n_vars, 3000, replace=False, p=usage)).astype(np.int32)
        for _ in range(64)
    ]
    lengths = rng.integers(1000, 3001, n_obs)
    starts = rng.integers(0, 3001 - lengths)
    indices = np.concatenate(
        [
            programs[cell % 64][start : start + length]
            for cell, (start, length) in enumerate(zip(starts, lengths, strict=True))
        ]
    )
    data = (rng.negative_binomial(1, 0.4, len(indices)) + 1).astype(np.float32)
    indptr = np.concatenate([[0], np.cumsum(lengths)])
    return csr_matrix((data, indices, indptr), shape=(n_obs, n_vars))


if __name__ == "__main__":
    main()
