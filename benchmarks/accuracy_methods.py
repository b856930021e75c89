"""Ways of naming held-out cells: a fine-tuned GeneMamba, and baselines on the same cells.

Each takes a set and the rows to learn from, sees the counts of all cells and the labels of those
rows alone, and returns the probability of each label for the rows to score.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from benchmarks.accuracy_sets import Fold, LabelledSet
from genemamba.annotation.head import probabilities
from genemamba.annotation.linear_probe import fit_probe
from genemamba.evaluation.annotation.labellers import Labeller
from genemamba.evaluation.baselines.choice import baseline_labellers
from genemamba.evaluation.baselines.names import CELLTYPIST, LOGISTIC_REGRESSION, NEAREST_NEIGHBORS
from genemamba.evaluation.baselines.variable_genes import variable_genes
from genemamba.evaluation.pca import log_normalise, principal_components
from genemamba.inference.embedding import embed_cells
from genemamba.keys import UNKNOWN
from genemamba.nn.config import ModelConfig
from genemamba.nn.model import build_model
from genemamba.tokens.rank import rank_tokens
from genemamba.tokens.token_set import TokenSet
from genemamba.tokens.vocabulary import Vocabulary
from genemamba.training.fine_tuning.fine_tune import FineTuned, fine_tune
from genemamba.training.fine_tuning.gene_spectra import set_gene_spectra
from genemamba.training.fine_tuning.settings import FineTuning

CPU: Final = torch.device("cpu")
N_VARIABLE: Final = 2_000
COMPETITORS: Final = (LOGISTIC_REGRESSION, NEAREST_NEIGHBORS, CELLTYPIST)
"""Baselines that are to be beaten; the others say what knowing nothing scores."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Calls:
    """Probabilities of labels for scored cells."""

    classes: tuple[str, ...]
    probabilities: NDArray[np.float64]
    """Shape ``(n_scored, n_classes)``."""

    @property
    def labels(self) -> NDArray[np.str_]:
        """The best label of each cell."""
        return np.asarray(self.classes)[self.probabilities.argmax(axis=1)]


Method = Callable[..., Calls]
"""``method(cells, fold, *, seed)``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """How GeneMamba is built and fine-tuned from scratch."""

    n_genes: int = N_VARIABLE
    """Most variable genes of all cells; others have no token."""
    seqlen: int = 128
    d_model: int = 64
    n_layer: int = 1
    d_state: int = 16
    spectral: bool = True
    """Gene embeddings start as what genes occur together in all cells, unlabelled ones too."""
    rarity: float = 1.0
    """How much more a rare gene weighs there."""
    max_cells_per_type: int = 300
    epochs: int = 1
    lr: float = 3e-5
    mask_fraction: float = 0.15
    weight_decay: float = 0.05
    heldout_fraction: float = 0.0
    """Cells that tell when to stop; none, as the course is short and fixed beforehand."""


def fine_tuned(recipe: Recipe) -> Method:
    """Train a fresh GeneMamba, every weight of it, on the labels of the training cells."""

    def call(cells: LabelledSet, fold: Fold, *, seed: int) -> Calls:
        tuned, tokens = tune(cells, fold, recipe, seed=seed)
        X = embed_cells(tuned.checkpoint.model, tokens.take(fold.test), device=CPU)
        return Calls(classes=tuned.probe.classes, probabilities=probabilities(tuned.probe, X))

    return call


def tune(
    cells: LabelledSet, fold: Fold, recipe: Recipe, *, seed: int
) -> tuple[FineTuned, TokenSet]:
    """Fine-tune on a fold's training cells; return the model and the tokens of all cells."""
    vocabulary, tokens = encode(cells, recipe.n_genes, recipe.seqlen)
    labels = np.full(len(cells.labels), UNKNOWN, dtype=object)
    labels[fold.train] = cells.labels[fold.train]
    config = ModelConfig(
        vocab_size=vocabulary.size,
        d_model=recipe.d_model,
        n_layer=recipe.n_layer,
        d_state=recipe.d_state,
        pre_norm=True,
    )
    _, sizes = np.unique(cells.labels[fold.train], return_counts=True)
    settings = FineTuning.for_cells(
        int(np.minimum(sizes, recipe.max_cells_per_type).sum()),
        seqlen=recipe.seqlen,
        seed=seed,
        epochs=recipe.epochs,
        max_cells_per_type=recipe.max_cells_per_type,
    )
    training = replace(
        settings.training,
        lr=recipe.lr,
        mask_fraction=recipe.mask_fraction,
        weight_decay=recipe.weight_decay,
        heldout_fraction=recipe.heldout_fraction,
        patience=settings.training.patience if recipe.heldout_fraction else None,
    )
    model = build_model(config, seed=seed, device=CPU)
    if recipe.spectral:
        set_gene_spectra(model, tokens, seed=seed, rarity=recipe.rarity)
    tuned = fine_tune(
        model,
        vocabulary,
        tokens,
        labels,
        cells.batch,
        replace(settings, training=training),
        device=CPU,
    )
    return tuned, tokens


@cache
def encode(cells: LabelledSet, n_genes: int, seqlen: int) -> tuple[Vocabulary, TokenSet]:
    """Rank-encode every cell over the genes that vary most; no label is looked at."""
    chosen = chosen_genes(cells, n_genes)
    counts = csr_matrix(cells.counts[:, chosen])
    gene_ids = [cells.gene_ids[column] for column in chosen]
    # Medians of all counts, scaled by all genes of a cell, as in any vocabulary.
    whole = Vocabulary.from_counts(cells.counts, cells.gene_ids)
    order = np.argsort(gene_ids)
    names = [gene_ids[position] for position in order]
    vocabulary = Vocabulary(tuple(names), whole.medians[whole.positions(names)])
    return vocabulary, rank_tokens(counts, vocabulary, gene_ids, seqlen=seqlen)


@cache
def chosen_genes(cells: LabelledSet, n_genes: int) -> NDArray[np.intp]:
    """Choose the genes that vary most between all cells."""
    return variable_genes(log_normalise(cells.counts), n_genes=n_genes)


def logistic_regression(cells: LabelledSet, fold: Fold, *, seed: int) -> Calls:
    """Call cells by the baseline of this name, with all its probabilities."""
    X = components(cells)
    head = fit_probe(
        X[fold.train], cells.labels[fold.train].astype(object), seed=seed, standardise=False
    )
    return Calls(classes=head.classes, probabilities=probabilities(head, X[fold.test]))


@cache
def components(cells: LabelledSet) -> NDArray[np.float32]:
    """Return the components that the baselines have."""
    X = log_normalise(cells.counts)[:, chosen_genes(cells, N_VARIABLE)]
    return principal_components(X, seed=0)


def baselines(cells: LabelledSet) -> dict[str, Method]:
    """Return every quick baseline of `genemamba evaluate` by its name."""
    makers = baseline_labellers(cells.counts, cells.batch, seed=0)
    return {name: _by_labeller(make()) for name, make in makers.items()}


def _by_labeller(label: Labeller) -> Method:
    def call(cells: LabelledSet, fold: Fold, *, seed: int) -> Calls:
        labels = cells.labels[fold.train].astype(object)
        found = label(fold.train, labels, fold.test, seed=seed).labels.astype(str)
        classes, numbers = np.unique(found, return_inverse=True)
        return Calls(classes=tuple(map(str, classes)), probabilities=np.eye(len(classes))[numbers])

    return call


def average(*calls: Calls) -> Calls:
    """Average the probabilities of several methods, or of one over seeds."""
    classes = sorted({name for one in calls for name in one.classes})
    total = np.zeros((len(calls[0].probabilities), len(classes)))
    for one in calls:
        total[:, np.searchsorted(classes, one.classes)] += one.probabilities / len(calls)
    return Calls(classes=tuple(classes), probabilities=total)
