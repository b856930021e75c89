"""All gene-level scores of one model on one atlas version."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
import torch

from genemamba.atlas.genes.mapping import load_reference
from genemamba.atlas.versions.view import AtlasView
from genemamba.errors import GenesError
from genemamba.evaluation.genes.coexpression import (
    correlation_matrix,
    level_similarity,
    log_counts,
)
from genemamba.evaluation.genes.hidden import (
    FrequencyNamer,
    ModelNamer,
    Namer,
    PlaceNamer,
    answer,
    hide_genes,
)
from genemamba.evaluation.genes.likeness import (
    COEXPRESSION,
    EXPRESSION_LEVEL,
    GENE_STATES,
    GENE_TABLE,
    Similarity,
    score_coexpression,
    score_pathways,
)
from genemamba.evaluation.genes.naming import name_positions
from genemamba.evaluation.genes.namings import (
    FREQUENCY,
    FREQUENCY_AT_RANK,
    OURS,
    score_hidden,
    score_reconstructions,
)
from genemamba.evaluation.genes.notes import known_flaws, stand_in_token
from genemamba.evaluation.genes.pair_statistics import cosine_matrix
from genemamba.evaluation.genes.pairs import PathwayPairs, draw_pathway_pairs
from genemamba.evaluation.genes.sampling import CellSample, draw_cells, draw_genes
from genemamba.evaluation.genes.scores import GeneEvaluation, GeneScore
from genemamba.inference.encoder import Encoder, open_encoder
from genemamba.inference.gene_embeddings import contextual_gene_embeddings, gene_embeddings
from genemamba.inference.models import known_genes
from genemamba.storage import Progress
from genemamba.tokens.gene_sets import GeneSets
from genemamba.tokens.gmt import GmtFile
from genemamba.tokens.stored_tokens import StoredTokens
from genemamba.tokens.token_set import TokenSet
from genemamba.tokens.vocabulary import FIRST_GENE_TOKEN, Vocabulary
from genemamba.training.checkpoint import Checkpoint

CELLS_RECONSTRUCTED: Final = 100
"""Ten draws of ten cells."""


def evaluate_genes(
    view: AtlasView,
    checkpoint: Checkpoint,
    gene_sets: GmtFile | None,
    *,
    seed: int,
    max_cells: int,
    device: torch.device,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> GeneEvaluation:
    """Score what a model knows of genes, beside baselines and controls.

    Memory holds the model, the log counts of `max_cells` cells over the compared genes, and
    matrices of them. The model may have been trained on the cells: nothing here is held out.

    Parameters
    ----------
    view
        The atlas version.
    checkpoint
        The model with its vocabulary.
    gene_sets
        Sets of genes such as pathways; without any, nothing is asked of them.
    seed
        Of cells, genes, pairs, hidden genes, resamples and permutations.
    max_cells
        Cells over which co-expression is taken, at most.
    device
        Where the model runs.
    cache
        Local folder of token stores; a scratch one by default.
    progress
        Called with cells read and cells to read.

    Raises
    ------
    GenesError
        Too few genes or pairs of genes can be compared, or no gene set has enough measured genes.
    ModelError
        No gene of the atlas is in the model's vocabulary.
    """
    known_genes(checkpoint, view.gene_ids, where=f"atlas {view.manifest.atlas!r}")
    sample = draw_cells(len(view.obs), seed=seed, max_cells=max_cells)
    with TemporaryDirectory(prefix="genemamba-") as scratch:
        folder = cache or Path(scratch)
        tokens = _open_tokens(view, checkpoint, folder)
        read = tokens.take(sample.read)
        genes = draw_genes(view, checkpoint.vocabulary, read, seed=seed)
        pairs = _pathway_pairs(gene_sets, checkpoint.vocabulary, genes, seed=seed)
        states = contextual_gene_embeddings(
            view, checkpoint, device=device, rows=sample.read, cache=folder, progress=progress
        )
        scored = _with_tokens(tokens, sample, seed=seed)
    table = gene_embeddings(checkpoint)
    X = log_counts(view, sample.correlated, genes)
    similarities: dict[str, Similarity] = {
        GENE_TABLE: cosine_matrix(table.loc[genes].filter(regex=r"^d\d").to_numpy()),
        GENE_STATES: cosine_matrix(states.loc[genes].filter(regex=r"^d\d").to_numpy()),
        COEXPRESSION: correlation_matrix(X),
        EXPRESSION_LEVEL: level_similarity(X),
    }
    scores = list(score_coexpression(similarities, seed=seed))
    if pairs:
        scores += score_pathways(similarities, pairs, seed=seed)
    encoder = open_encoder(checkpoint.model, device=device)
    scores += _naming_scores(checkpoint, encoder, scored, read, seed=seed)
    return GeneEvaluation(
        scores=tuple(scores),
        n_genes=len(genes),
        n_cells=X.shape[0],
        gene_sets=gene_sets.path.name if gene_sets else None,
        notes=tuple(known_flaws(checkpoint, gene_sets, scored)),
    )


def _open_tokens(view: AtlasView, checkpoint: Checkpoint, folder: Path) -> StoredTokens:
    return StoredTokens.of_view(
        view,
        checkpoint.vocabulary,
        seqlen=checkpoint.seqlen,
        cache=folder,
        value_bins=checkpoint.model_config.value_bins,
    )


def _pathway_pairs(
    gene_sets: GmtFile | None, vocabulary: Vocabulary, genes: list[str], *, seed: int
) -> PathwayPairs | None:
    if gene_sets is None:
        return None
    membership = GeneSets.match(gene_sets, vocabulary, load_reference()).membership(vocabulary)
    rows = vocabulary.positions(genes) + FIRST_GENE_TOKEN
    return draw_pathway_pairs(membership[rows], seed=seed)


def _with_tokens(tokens: StoredTokens, sample: CellSample, *, seed: int) -> TokenSet:
    """Take the cells to be scored in a random order, without those that have no token."""
    rows = sample.scored[tokens.lengths[sample.scored] > 0]
    if not len(rows):
        raise GenesError(
            expected="a cell with a gene of the model among those to be scored",
            found=f"none of {len(sample.scored)}",
            remedy="Take an atlas of more cells, or a model that was trained on these genes.",
            rule="genes-too-few",
        )
    return tokens.take(np.random.default_rng(seed).permutation(rows))


def _naming_scores(
    checkpoint: Checkpoint, encoder: Encoder, scored: TokenSet, read: TokenSet, *, seed: int
) -> Iterator[GeneScore]:
    vocabulary = checkpoint.vocabulary
    head = checkpoint.model.lm_head.to(encoder.device)
    shown = scored.take(np.arange(min(CELLS_RECONSTRUCTED, scored.n_obs)))
    truth = [shown.cell(row).astype(np.int64) for row in range(shown.n_obs)]
    yield from score_reconstructions(truth, name_positions(encoder, head, shown), seed=seed)
    cells = hide_genes(scored, seed=seed)
    if not cells:
        return
    model = ModelNamer(encoder, head, scored, stand_in=stand_in_token(vocabulary))
    counted: dict[str, Namer] = {
        FREQUENCY: FrequencyNamer(read, vocab_size=vocabulary.size),
        FREQUENCY_AT_RANK: PlaceNamer(read, vocab_size=vocabulary.size),
    }
    n_genes = len(vocabulary.gene_ids)
    yield from score_hidden(
        {
            OURS: ("model", answer(cells, model, n_genes=n_genes)),
            **{
                name: ("baseline", answer(cells, namer, n_genes=n_genes))
                for name, namer in counted.items()
            },
        },
        seed=seed,
    )
