"""What the contrast of gene sets does to gene embeddings and to cell types, and what it costs.

The ``small`` preset is trained on PBMC of three studies, with Reactome's pathways and without, from
the same seeds. Half of the pathways, drawn at random, are trained on; the other half are not. A
pair of genes counts as held out if it shares a held-out pathway and none that was trained on, so
that what is measured there was not taught. Needs the folder of `GENEMAMBA_DATA`.
"""

import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, NamedTuple

import anndata as ad
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.harness import document, run_benchmark
from genemamba.annotation.head import transfer
from genemamba.annotation.linear_probe import fit_probe
from genemamba.atlas.genes.mapping import load_reference
from genemamba.evaluation.annotation.scores import score_annotation
from genemamba.evaluation.annotation.splits import split_labelled
from genemamba.evaluation.genes.pair_statistics import auroc, cosine_matrix, score_pairs
from genemamba.evaluation.genes.pairs import PathwayPairs, draw_pairs, share_set
from genemamba.inference.embedding import embed_cells
from genemamba.keys import UNKNOWN
from genemamba.nn.model import GeneMamba
from genemamba.tokens.gene_sets import GeneSets
from genemamba.tokens.gmt import read_gmt
from genemamba.tokens.minibatch import pad_cells
from genemamba.tokens.rank import rank_tokens
from genemamba.tokens.token_set import TokenSet
from genemamba.tokens.vocabulary import FIRST_GENE_TOKEN, Vocabulary
from genemamba.training.config import GENE_SET_WEIGHT
from genemamba.training.objectives import make_objective
from genemamba.training.presets import load_preset
from genemamba.training.pretrain import pretrain

CPU: Final = torch.device("cpu")
DATA: Final = Path(os.environ.get("GENEMAMBA_DATA", Path(__file__).parents[2] / "shared" / "data"))
WEIGHTS: Final = (0.0, GENE_SET_WEIGHT)
"""Of the contrast of gene sets: none, and the default."""

TRUSTED: Final = ("FACS", "author clusters")
"""Sources of labels that are scored; the others were predicted."""

N_PROBED: Final = 3_000
N_READ: Final = 1_000
"""Cells over which the states of a gene are averaged."""

MIN_TIMES: Final = 10
"""Of these, cells that must have a gene for it to be compared."""

N_PAIRS: Final = 20_000
N_PERMUTATIONS: Final = 99
N_RESAMPLES: Final = 99
N_TIMED: Final = 9


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Cells:
    """Cells to train on and to score."""

    tokens: TokenSet
    """Of every cell."""
    vocabulary: Vocabulary
    """Of the genes that they express."""
    labels: NDArray[np.str_]
    """Trusted label of each cell, or `UNKNOWN`."""
    batch: NDArray[np.str_]
    """Batch of each cell."""


class GenePairs(NamedTuple):
    """Pairs of genes as positions among those compared, each of shape ``(n_pairs, 2)``."""

    trained: NDArray[np.int64]
    """Share a pathway that was trained on."""
    heldout: NDArray[np.int64]
    """Share a held-out pathway, and none that was trained on."""
    strangers: NDArray[np.int64]
    """Share no pathway, though both are in some."""


def main() -> None:
    """Compare trainings with and without the contrast of gene sets."""
    run_benchmark("pathways", benchmark)


def benchmark(*, quick: bool) -> dict[str, Any]:
    """Compare trainings with and without the contrast of gene sets."""
    cells = read_cells(DATA / "pbmc_multistudy.h5ad")
    file = read_gmt(DATA / "ReactomePathways.gmt")
    every = GeneSets.match(file, cells.vocabulary, load_reference())
    runs = []
    for seed in range(1 if quick else 3):
        trained, heldout = split_sets(every, seed=seed)
        for weight in WEIGHTS:
            model = train(cells, trained, weight=weight, seed=seed, steps=40 if quick else None)
            found = score(model, cells, trained, heldout, seed=seed)
            runs.append({"seed": seed, "weight": weight, **found})
            print(runs[-1], file=sys.stderr, flush=True)
    return gather(runs, step_costs(cells, every), every)


def gather(
    runs: list[dict[str, Any]], costs: Mapping[str, float], every: GeneSets
) -> dict[str, Any]:
    """Compare the default weight with none, seed by seed."""
    weights = sorted({run["weight"] for run in runs})
    summary = {f"{weight:g}": summarise(runs, weight) for weight in weights}
    without, with_it = summary["0"], summary[f"{GENE_SET_WEIGHT:g}"]
    names = ("table_heldout", "table_trained", "states_heldout", "states_trained", "macro_f1")
    ratios = {f"{name}_with_vs_without": with_it[name] / without[name] for name in names}
    ratios["step_without_vs_with"] = costs["without"] / costs["with"]
    detail = {
        "by_weight": summary,
        "runs": runs,
        "gene_sets": every.summary,
        "cpu_seconds_per_step": costs,
    }
    return document(ratios, detail, ["numpy", "scikit-learn", "torch"])


def read_cells(path: Path) -> Cells:
    """Read and encode the cells."""
    adata = ad.read_h5ad(path)
    ids = adata.var["ensembl_id"].astype(str)
    adata = adata[:, ((ids != "") & ~ids.duplicated()).to_numpy()]
    counts, gene_ids = csr_matrix(adata.X), adata.var["ensembl_id"].astype(str).tolist()
    vocabulary = Vocabulary.from_counts(counts, gene_ids)
    seqlen = load_preset("small", vocab_size=vocabulary.size).training.seqlen
    trusted = adata.obs["label_source"].isin(TRUSTED).to_numpy()
    return Cells(
        tokens=rank_tokens(counts, vocabulary, gene_ids, seqlen=seqlen),
        vocabulary=vocabulary,
        labels=np.where(trusted, adata.obs["cell_type"].astype(str), UNKNOWN),
        batch=adata.obs["batch"].astype(str).to_numpy(),
    )


def split_sets(every: GeneSets, *, seed: int) -> tuple[GeneSets, GeneSets]:
    """Deal the gene sets into those that are trained on and those that are held out."""
    order = np.random.default_rng(seed).permutation(len(every.names))
    return tuple(
        replace(
            every,
            names=tuple(every.names[i] for i in half),
            members=tuple(every.members[i] for i in half),
        )
        for half in (order[: len(order) // 2], order[len(order) // 2 :])
    )


def train(
    cells: Cells, gene_sets: GeneSets, *, weight: float, seed: int, steps: int | None
) -> GeneMamba:
    """Train the ``small`` preset, with the contrast of gene sets where it weighs anything."""
    preset = load_preset("small", vocab_size=cells.vocabulary.size)
    config = replace(
        preset.training,
        seed=seed,
        steps=steps or preset.training.steps,
        gene_sets=gene_sets.digest if weight else None,
        gene_set_weight=weight,
    )
    return pretrain(
        cells.tokens,
        cells.vocabulary,
        preset.model,
        config,
        device=CPU,
        gene_sets=gene_sets if weight else None,
    ).model


def score(
    model: GeneMamba, cells: Cells, trained: GeneSets, heldout: GeneSets, *, seed: int
) -> dict[str, Any]:
    """Score the gene embeddings against the pathways, and the cell embedding against cell types."""
    rng = np.random.default_rng(1_000 + seed)
    states, times = mean_gene_states(model, cells, rng)
    genes = np.flatnonzero(times >= MIN_TIMES)
    kinds = kinds_of_pairs(cells.vocabulary, trained, heldout, genes, rng)
    table = model.embeddings.weight.detach().numpy()[FIRST_GENE_TOKEN:-1]
    found: dict[str, Any] = {"n_genes": len(genes), "n_heldout_pairs": len(kinds.heldout)}
    for name, embedding in (("table", table), ("states", states)):
        similarity = cosine_matrix(embedding[genes])
        for kind, alike in (("trained", kinds.trained), ("heldout", kinds.heldout)):
            pairs = PathwayPairs(alike, kinds.strangers)
            scored = score_pairs(
                auroc(pairs.is_alike), similarity, pairs.both, seed=seed,
                n_permutations=N_PERMUTATIONS, n_resamples=N_RESAMPLES,
            )  # fmt: skip
            found[f"{name}_{kind}"] = round(scored.value, 4)
            found[f"{name}_{kind}_interval"] = [round(end, 4) for end in scored.interval]
            found[f"{name}_{kind}_null"] = [round(x, 4) for x in scored.null[:2]]
    return found | probe(model, cells, rng, seed=seed)


@torch.inference_mode()
def mean_gene_states(
    model: GeneMamba, cells: Cells, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Average each gene's state over some cells, and count the cells that have it."""
    total = torch.zeros(cells.vocabulary.size, model.config.d_model, dtype=torch.float64)
    times = torch.zeros(cells.vocabulary.size, dtype=torch.int64)
    full = np.flatnonzero(cells.tokens.lengths)
    for rows in np.array_split(rng.choice(full, N_READ, replace=False), N_READ // 20):
        minibatch = pad_cells(cells.tokens, rows)
        h_BLD = model(minibatch.input_ids, minibatch.mask)
        ids = minibatch.input_ids[minibatch.mask]
        total.index_add_(0, ids, h_BLD[minibatch.mask].double())
        times.index_add_(0, ids, torch.ones_like(ids))
    genes = slice(FIRST_GENE_TOKEN, -1)
    mean = total[genes] / times[genes, None].clamp(min=1)
    return mean.numpy(), times[genes].numpy()


def kinds_of_pairs(
    vocabulary: Vocabulary,
    trained: GeneSets,
    heldout: GeneSets,
    genes: NDArray[np.int64],
    rng: np.random.Generator,
) -> GenePairs:
    """Draw pairs of genes that share a pathway, and pairs that share none."""
    share_trained, share_heldout = (
        share_set(sets.membership(vocabulary)[FIRST_GENE_TOKEN:-1][genes])
        for sets in (trained, heldout)
    )
    known = share_trained.diagonal() | share_heldout.diagonal()
    both_known = known[:, None] & known
    return GenePairs(
        *(
            draw_pairs(kind & both_known, rng=rng, max_pairs=N_PAIRS)
            for kind in (
                share_trained,
                share_heldout & ~share_trained,
                ~share_trained & ~share_heldout,
            )
        )
    )


def probe(
    model: GeneMamba, cells: Cells, rng: np.random.Generator, *, seed: int
) -> dict[str, float]:
    """Label cells of batches that a linear probe has not seen."""
    labelled = np.flatnonzero((cells.labels != UNKNOWN) & (cells.tokens.lengths > 0))
    rows = np.sort(rng.choice(labelled, N_PROBED, replace=False))
    embedding = embed_cells(model, cells.tokens.take(rows), device=CPU)
    labels, truth, called = cells.labels[rows], [], []
    for fold in split_labelled(labels, cells.batch[rows], seed=seed).folds:
        head = fit_probe(embedding[fold.train], labels[fold.train], seed=seed)
        truth.append(labels[fold.test])
        called.append(transfer(head, embedding[fold.test], threshold=0.0).labels)
    scores = score_annotation(
        np.concatenate(truth), np.concatenate(called), seed=seed, n_resamples=10
    )
    return {"accuracy": round(scores.accuracy, 4), "macro_f1": round(scores.macro_f1, 4)}


def summarise(runs: list[dict[str, Any]], weight: float) -> dict[str, float]:
    """Return the mean over the seeds of every figure, and their standard deviation."""
    chosen = [run for run in runs if run["weight"] == weight]
    figures = [name for name, value in chosen[0].items() if isinstance(value, float)]
    summary: dict[str, float] = {}
    for name in figures:
        values = [run[name] for run in chosen]
        summary[name] = round(float(np.mean(values)), 4)
        summary[f"{name}_sd"] = round(float(np.std(values, ddof=1)), 4) if len(values) > 1 else 0.0
    return summary


def step_costs(cells: Cells, gene_sets: GeneSets) -> Mapping[str, float]:
    """Time forward and backward of one minibatch, with the contrast of gene sets and without."""
    preset = load_preset("small", vocab_size=cells.vocabulary.size)
    model = train(cells, gene_sets, weight=0.0, seed=0, steps=1)
    rows = np.argsort(-cells.tokens.lengths)[: preset.training.minibatch_size]
    minibatch = pad_cells(cells.tokens, rows)

    objectives = {
        name: make_objective(
            replace(preset.training, gene_sets=chosen.digest if chosen else None),
            preset.model,
            cells.vocabulary,
            gene_sets=chosen,
            device=CPU,
        )
        for name, chosen in (("without", None), ("with", gene_sets))
    }

    def step(name: str) -> None:
        losses = objectives[name].loss(
            model, minibatch.input_ids, minibatch.mask, generator=torch.Generator().manual_seed(0)
        )
        losses.total(contrast_weight=1.0, pathway_weight=GENE_SET_WEIGHT).backward()

    # Processor time, in turn: a busy moment of the machine does not count.
    seconds: dict[str, list[float]] = {name: [] for name in objectives}
    for name in [*objectives] * (1 + N_TIMED):
        start = time.process_time()
        step(name)
        seconds[name].append(time.process_time() - start)
    return {name: round(float(np.median(values[1:])), 4) for name, values in seconds.items()}


if __name__ == "__main__":
    main()
