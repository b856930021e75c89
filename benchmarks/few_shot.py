"""What a few labelled cells of a new type teach, and what is forgotten of the old types for it.

Two types, drawn anew with each seed, are taken out of a data set. A linear probe learns the others
from half of the cells; then it is given 5, 10, 20 or 50 cells of each of the two, in several ways
(see few_shot_peers.py), and all are scored on the other half. ``retrained on all`` has every cell
of the new types in the first half: what labelling them all would give. Embeddings are the ``small``
preset's, trained for `STEPS` on all cells without labels, and principal components. Old types' macro-F1 is that
of old cells alone, so that it falls where they are called new and never rises by what new ones are
called. Needs the folder of `GENEMAMBA_DATA`; `GENEMAMBA_BENCHMARK_CACHE` keeps the embeddings.
"""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple

import anndata as ad
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.metrics import f1_score

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks import few_shot_peers as peers
from benchmarks.few_shot_peers import Lesson, Logits
from benchmarks.harness import document, run_benchmark
from genemamba.annotation.labelled_cells import draw_labelled
from genemamba.annotation.linear_probe import fit_probe
from genemamba.evaluation.pca import log_normalised_pca
from genemamba.inference.embedding import embed_cells
from genemamba.keys import UNKNOWN
from genemamba.provenance import source_digest
from genemamba.tokens.rank import rank_tokens
from genemamba.tokens.vocabulary import Vocabulary
from genemamba.training.presets import load_preset
from genemamba.training.pretrain import pretrain

CPU: Final = torch.device("cpu")
DATA: Final = Path(os.environ.get("GENEMAMBA_DATA", Path(__file__).parents[2] / "shared" / "data"))
FILES: Final = {
    "cell_lines": "cell_lines_sc_mixology",
    "panc8": "pancreas_panc8_small",
    "pbmc": "pbmc_multistudy",
}
TRUSTED: Final = ("FACS", "author clusters")
"""Sources of labels; the others were predicted."""

SHOTS: Final = (5, 10, 20, 50)
SEEDS: Final = 5
N_NEW: Final = 2
STEPS: Final = 100
"""Of training, a third of the preset's: the model is to be a real one, not a good one."""

N_PER_TYPE: Final = 800
"""Cells of a type that are used, at most: all of the rare ones, and enough of the others."""

MIN_HALF: Final = 5
"""Cells of an old type in either half, at least: one cell more or less is then no landslide."""

METHODS: Final[Mapping[str, Callable[[Lesson, NDArray[np.float32]], Logits]]] = {
    "incremental": peers.incremental,
    "retrained": peers.retrained,
    "fine-tuned on new cells": peers.fine_tuned,
    "branch alone": peers.branch_alone,
    "gaussian": peers.gaussian,
    "prototypes": peers.prototypes,
}
ON_ALL: Final = "retrained on all"


class Cells(NamedTuple):
    """Labelled cells."""

    X: NDArray[np.float32]
    labels: NDArray[np.str_]


class Deal(NamedTuple):
    """Which types are new, and which cells are learnt from and scored."""

    new_types: NDArray[np.str_]
    old_types: NDArray[np.str_]
    train: NDArray[np.intp]
    test: NDArray[np.intp]


def main() -> None:
    """Compare ways to learn new types from few cells."""
    run_benchmark("few_shot", benchmark)


def benchmark(*, quick: bool) -> dict[str, Any]:
    """Compare ways to learn new types from few cells."""
    runs = []
    for data in ["panc8"] if quick else FILES:
        for embedding, cells in read_embeddings(data, steps=10 if quick else STEPS).items():
            for seed in range(1 if quick else SEEDS):
                named = {"data": data, "embedding": embedding, "seed": seed}
                runs += [{**named, **run} for run in score_seed(cells, seed=seed)]
            print(data, embedding, "scored", file=sys.stderr, flush=True)
    return gather(runs)


def read_embeddings(data: str, *, steps: int) -> dict[str, Cells]:
    """Embed a data set in both ways and draw labelled cells."""
    adata = ad.read_h5ad(DATA / f"{FILES[data]}.h5ad")
    ids = adata.var["ensembl_id"].astype(str)
    adata = adata[:, ((ids != "") & ~ids.duplicated()).to_numpy()]
    labels = adata.obs["cell_type"].astype(str).to_numpy(dtype=str)
    if "label_source" in adata.obs:
        labels = np.where(adata.obs["label_source"].isin(TRUSTED), labels, UNKNOWN)
    rows = draw_labelled(labels.astype(object), seed=0, max_cells_per_type=N_PER_TYPE)
    embeddings = {
        "genemamba": kept(f"{data}-genemamba-{steps}", lambda: embed(adata, rows, steps=steps)),
        "pca": kept(f"{data}-pca", lambda: log_normalised_pca(csr_matrix(adata.X), seed=0)[rows]),
    }
    return {name: Cells(X, labels[rows]) for name, X in embeddings.items()}


def embed(adata: ad.AnnData, rows: NDArray[np.intp], *, steps: int) -> NDArray[np.float32]:
    """Train the ``small`` preset on all cells and embed some."""
    counts = csr_matrix(adata.X)
    gene_ids = adata.var["ensembl_id"].astype(str).tolist()
    vocabulary = Vocabulary.from_counts(counts, gene_ids)
    preset = load_preset("small", vocab_size=vocabulary.size)
    config = replace(preset.training, seed=0, steps=steps)
    tokens = rank_tokens(counts, vocabulary, gene_ids, seqlen=config.seqlen)
    trained = pretrain(tokens, vocabulary, preset.model, config, device=CPU)
    return embed_cells(trained.model, tokens.take(rows), device=CPU)


def kept(name: str, make: Callable[[], NDArray[np.float32]]) -> NDArray[np.float32]:
    """Make an array, or read the one that the same code made before."""
    folder = os.environ.get("GENEMAMBA_BENCHMARK_CACHE")
    if not folder:
        return make()
    code = source_digest("nn", "tokens", "training", "inference/embedding.py", "evaluation/pca.py")
    path = Path(folder) / f"{name}-{code.removeprefix('sha256:')[:12]}.npy"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, make())
    return np.load(path)


def score_seed(cells: Cells, *, seed: int) -> Iterator[dict[str, Any]]:
    """Take two types out and teach them again, by every method and number of cells."""
    rng = np.random.default_rng(seed)
    deal = deal_cells(cells.labels, rng)
    old = deal.train[np.isin(cells.labels[deal.train], deal.old_types)]
    base = fit_probe(cells.X[old], cells.labels[old].astype(object), seed=seed)
    before = score(Logits(np.array(base.classes), base.logits(cells.X[deal.test])), cells, deal)
    taught = [
        rng.permutation(deal.train[cells.labels[deal.train] == name]) for name in deal.new_types
    ]

    def teach(
        method: Callable[[Lesson, NDArray[np.float32]], Logits], new: NDArray[np.intp]
    ) -> dict[str, float]:
        lesson = Lesson(base, cells.X[old], cells.labels[old], cells.X[new], cells.labels[new])
        return score(method(lesson, cells.X[deal.test]), cells, deal)

    on_all = teach(peers.retrained, np.concatenate(taught))
    for shots in [n for n in SHOTS if n <= min(map(len, taught))]:
        few = np.concatenate([each[:shots] for each in taught])
        scores = {name: teach(method, few) for name, method in METHODS.items()}
        for name, after in {**scores, ON_ALL: on_all}.items():
            yield {
                "new_types": deal.new_types.tolist(),
                "shots": shots,
                "method": name,
                "new_f1": after["new"],
                "old_macro_f1_before": before["old"],
                "old_macro_f1": after["old"],
                "old_change": after["old"] - before["old"],
                "macro_f1": after["all"],
            }


def deal_cells(labels: NDArray[np.str_], rng: np.random.Generator) -> Deal:
    """Draw two new types among those with enough cells, and halve the cells of all types."""
    train, test = (np.sort(half) for half in np.array_split(rng.permutation(len(labels)), 2))
    types = np.unique(labels)
    n_train = np.array([(labels[train] == name).sum() for name in types])
    n_test = np.array([(labels[test] == name).sum() for name in types])
    new = np.sort(rng.choice(types[n_train >= SHOTS[1]], N_NEW, replace=False))
    old = types[~np.isin(types, new) & (n_train >= MIN_HALF) & (n_test >= MIN_HALF)]
    return Deal(new, old, train, test[np.isin(labels[test], [*new, *old])])


def score(logits: Logits, cells: Cells, deal: Deal) -> dict[str, float]:
    """Score new types among all cells, and old types among their own cells."""
    truth, called = cells.labels[deal.test], logits.labels
    is_old = np.isin(truth, deal.old_types)

    def macro_f1(truth: NDArray[np.str_], called: NDArray[np.str_], *types: str) -> float:
        return float(f1_score(truth, called, labels=types, average="macro", zero_division=0))

    return {
        "new": macro_f1(truth, called, *deal.new_types),
        "old": macro_f1(truth[is_old], called[is_old], *deal.old_types),
        "all": macro_f1(truth, called, *deal.new_types, *deal.old_types),
    }


def gather(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Average over the seeds, and compare the incremental head with the others."""
    figures = ("new_f1", "old_macro_f1_before", "old_macro_f1", "old_change", "macro_f1")
    groups: dict[tuple[str, str, int, str], list[dict[str, Any]]] = {}
    for run in runs:
        key = (run["data"], run["embedding"], run["shots"], run["method"])
        groups.setdefault(key, []).append(run)
    summary = [
        {
            **dict(zip(("data", "embedding", "shots", "method"), key, strict=True)),
            "seeds": len(group),
            **{name: round(float(np.mean([run[name] for run in group])), 4) for name in figures},
            "new_f1_sd": round(float(np.std([run["new_f1"] for run in group])), 4),
            "old_change_worst": round(min(run["old_change"] for run in group), 4),
        }
        for key, group in groups.items()
    ]
    rounded = [
        {
            name: round(value, 4) if isinstance(value, float) else value
            for name, value in run.items()
        }
        for run in runs
    ]
    detail = {"summary": summary, "runs": rounded}
    return document(dict(ratios(summary)), detail, ["numpy", "scikit-learn", "torch"])


def ratios(summary: list[dict[str, Any]]) -> Iterator[tuple[str, float]]:
    """Per embedding and number of cells: new types' F1, and old types' kept macro-F1."""
    settings = sorted({(row["embedding"], row["shots"]) for row in summary})
    for embedding, shots in settings:
        rows = [row for row in summary if (row["embedding"], row["shots"]) == (embedding, shots)]

        def mean(figure: str, method: str, rows: list[dict[str, Any]] = rows) -> float:
            return float(np.mean([row[figure] for row in rows if row["method"] == method]))

        name = f"{embedding}_{shots}_cells"
        new = mean("new_f1", "incremental")
        yield f"{name}_new_f1", new
        yield f"{name}_new_f1_vs_retrained", new / mean("new_f1", "retrained")
        yield f"{name}_new_f1_vs_retrained_on_all", new / mean("new_f1", ON_ALL)
        for method in ("incremental", "fine-tuned on new cells"):
            share = mean("old_macro_f1", method) / mean("old_macro_f1_before", method)
            yield f"{name}_old_macro_f1_kept_{method.partition(' ')[0]}", share


if __name__ == "__main__":
    main()
