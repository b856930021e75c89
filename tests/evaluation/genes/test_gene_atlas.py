"""All gene-level scores of a small model on a small atlas."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from genemamba.errors import GenesError
from genemamba.evaluation.genes.atlas import evaluate_genes
from genemamba.evaluation.genes.coexpression import correlation_matrix, log_counts
from genemamba.evaluation.genes.files import read_gene_evaluation, write_gene_evaluation
from genemamba.evaluation.genes.naming import name_positions
from genemamba.evaluation.genes.notes import known_flaws, stand_in_token
from genemamba.evaluation.genes.pairs import draw_pairs
from genemamba.evaluation.genes.sampling import draw_cells, draw_genes
from genemamba.inference.embedding import embed_cells
from genemamba.inference.encoder import open_encoder
from genemamba.inference.gene_embeddings import contextual_gene_embeddings, gene_embeddings
from genemamba.tokens.rank import rank_tokens
from genemamba.tokens.token_set import TokenSet
from tests.small_atlas import small_adata, small_view

CPU = torch.device("cpu")


def evaluate(atlas, checkpoint, gene_sets, **changes):
    options = {"seed": 0, "max_cells": 100, "device": CPU, **changes}
    return evaluate_genes(atlas, checkpoint, gene_sets, **options)


@pytest.fixture(scope="module")
def evaluation(atlas, checkpoint, gene_sets):
    return evaluate(atlas, checkpoint, gene_sets)


def by_name(evaluation):
    return {(score.metric, score.subject): score for score in evaluation.scores}


def test_every_question_has_the_model_beside_baselines_or_controls(evaluation):
    subjects = {}
    for score in evaluation.scores:
        subjects.setdefault(score.task, {})[score.subject] = score.role

    assert subjects == {
        "coexpression": {
            "gene_table": "model", "gene_states": "model", "expression_level": "baseline",
        },
        "pathways": {
            "gene_table": "model", "gene_states": "model",
            "coexpression": "baseline", "expression_level": "baseline",
        },
        "reconstruction": {
            "genemamba": "model", "copy_next": "control", "copy_own": "control",
            "any_order": "control",
        },
        "hidden": {
            "genemamba": "model", "frequency": "baseline", "frequency_at_rank": "baseline",
        },
    }  # fmt: skip
    assert evaluation.notes == ("The model may have been trained on the cells that were scored.",)


def test_cells_know_which_genes_belong_together_and_three_steps_do_not_teach_it(evaluation):
    scores = by_name(evaluation)

    known = scores["pathway_auroc", "coexpression"]
    assert known.value > 0.95
    assert known.null.p_value == 0.002
    assert scores["pathway_auroc", "gene_table"].null.p_value > 0.01


def test_a_correlation_is_that_of_both_lists_of_pairs(atlas, checkpoint, evaluation):
    sample = draw_cells(180, seed=0, max_cells=100)
    tokens = rank_tokens(
        atlas.counts(), checkpoint.vocabulary, atlas.gene_ids, seqlen=checkpoint.seqlen
    )
    genes = draw_genes(atlas, checkpoint.vocabulary, tokens.take(sample.read), seed=0)
    together = correlation_matrix(log_counts(atlas, sample.correlated, genes))
    vectors = gene_embeddings(checkpoint).loc[genes].filter(regex=r"^d\d").to_numpy()
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    pairs = draw_pairs(np.ones(together.shape, bool), rng=np.random.default_rng(0))

    expected = spearmanr(
        (unit @ unit.T)[pairs[:, 0], pairs[:, 1]], together[pairs[:, 0], pairs[:, 1]]
    ).statistic

    found = by_name(evaluation)["coexpression_spearman", "gene_table"]
    assert (evaluation.n_genes, evaluation.n_cells, found.n) == (len(genes), 100, len(pairs))
    assert found.value == pytest.approx(expected, abs=1e-4)


def test_copies_have_the_published_score_and_the_model_is_seen_not_to_copy(evaluation):
    scores = by_name(evaluation)

    assert scores["reconstruction_levenshtein", "copy_next"].value == 11
    assert scores["named_next_token", "copy_next"].value == 1
    assert scores["reconstruction_levenshtein", "copy_own"].value == 0
    assert scores["named_own_token", "copy_own"].value == 1
    assert scores["named_own_token", "genemamba"].value < 0.5
    assert scores["named_next_token", "genemamba"].value < 0.5


def test_intervals_hold_their_values(evaluation):
    for score in evaluation.scores:
        assert score.interval is not None
        assert score.interval.low <= score.value <= score.interval.high, score


def test_a_model_trained_on_the_sets_or_without_hidden_genes_is_told(checkpoint, gene_sets):
    trained = dataclasses.replace(
        checkpoint,
        training_config=dataclasses.replace(
            checkpoint.training_config, gene_sets=gene_sets.digest, objective="next_token_causal"
        ),
    )
    one_gene = TokenSet.from_cells([np.array([2], dtype=np.int32)])

    notes = list(known_flaws(trained, gene_sets, one_gene))

    assert notes[0] == "The model was trained on these gene sets: its score on them is no test."
    assert "next_token_causal, which hides no gene" in notes[1]
    assert notes[2] == "No cell has two genes of the model, so that none could be hidden."


def test_a_vocabulary_without_a_mask_is_asked_with_the_unknown_token(checkpoint):
    published = dataclasses.replace(checkpoint.vocabulary, further=())

    assert stand_in_token(published) == 0
    assert stand_in_token(checkpoint.vocabulary) == 62
    (note, _) = known_flaws(
        dataclasses.replace(checkpoint, vocabulary=published),
        None,
        TokenSet.from_cells([np.array([2, 3], dtype=np.int32)]),
    )
    assert note.startswith("The model has no token for a hidden gene: it read [UNK] there")


def test_without_gene_sets_nothing_is_asked_of_them(atlas, checkpoint):
    found = evaluate(atlas, checkpoint, None)

    assert {score.task for score in found.scores} == {"coexpression", "reconstruction", "hidden"}
    assert found.gene_sets is None


def test_too_few_cells_are_refused_before_the_model_reads(tmp_path, checkpoint, gene_sets):
    few = small_view(tmp_path, one=small_adata(n_obs=8))

    with pytest.raises(GenesError, match="3 genes of the model that 10 of 6 cells express"):
        evaluate(few, checkpoint, gene_sets)


def test_scored_cells_are_not_read_and_samples_are_bounded():
    sample = draw_cells(5_000, seed=0, max_cells=3_000)

    assert [len(rows) for rows in sample] == [3_000, 2_000, 200]
    assert set(sample.read) <= set(sample.correlated)
    assert not set(sample.scored) & {*sample.read, *sample.correlated}
    assert [len(rows) for rows in draw_cells(50, seed=0, max_cells=3_000)] == [40, 40, 10]


def test_a_gene_that_a_deposit_did_not_measure_is_not_compared(tmp_path, checkpoint):
    both = small_view(tmp_path, one=small_adata(), two=small_adata(seed=1)[:, 15:].copy())
    tokens = rank_tokens(both.counts(), checkpoint.vocabulary, both.gene_ids, seqlen=64)

    genes = draw_genes(both, checkpoint.vocabulary, tokens, seed=0)

    assert set(genes) == set(small_adata().var_names[15:])


def test_positions_are_named_by_the_highest_logit_in_the_order_of_the_cells(
    atlas, checkpoint, monkeypatch
):
    monkeypatch.setattr("genemamba.evaluation.genes.naming.LOGITS_AT_ONCE", 7 * 63)
    tokens = rank_tokens(atlas.counts(), checkpoint.vocabulary, atlas.gene_ids, seqlen=20)
    some = tokens.take(np.arange(15))

    named = name_positions(
        open_encoder(checkpoint.model, device=CPU), checkpoint.model.lm_head, some
    )

    for row in range(15):
        cell = torch.from_numpy(some.cell(row).astype(np.int64))[None]
        with torch.inference_mode():
            h_BLD = checkpoint.model(cell, torch.ones_like(cell, dtype=torch.bool))
            expected = checkpoint.model.logits(h_BLD)[0].argmax(dim=1)
        assert named[row].tolist() == expected.tolist()


def test_mean_states_can_be_taken_over_some_cells(atlas, checkpoint):
    rows = np.array([3, 50, 51])
    tokens = rank_tokens(
        atlas.counts()[rows], checkpoint.vocabulary, atlas.gene_ids, seqlen=checkpoint.seqlen
    )

    table = contextual_gene_embeddings(atlas, checkpoint, device=CPU, rows=rows)

    assert table["n_cells"].sum() == tokens.lengths.sum()
    pooled = embed_cells(checkpoint.model, tokens, device=CPU)
    vectors = table.filter(regex=r"^d\d").to_numpy() * table[["n_cells"]].to_numpy()
    np.testing.assert_allclose(
        vectors.sum(axis=0), (pooled * tokens.lengths[:, None]).sum(axis=0), atol=1e-2
    )


def test_what_is_written_is_what_is_read(evaluation, tmp_path):
    odd = dataclasses.replace(
        evaluation,
        scores=(*evaluation.scores, dataclasses.replace(evaluation.scores[-1], value=math.nan)),
    )
    write_gene_evaluation(odd, tmp_path)

    assert repr(read_gene_evaluation(tmp_path)) == repr(odd)
    assert odd.summary()["hidden"]["hidden_order_accuracy"]["frequency_at_rank"] is None
