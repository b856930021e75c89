"""The published score, against naive and published programs, and what copying gets in it."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from nltk.translate.bleu_score import sentence_bleu
from scipy.stats import spearmanr

from genemamba.evaluation.genes.reconstruction import (
    copied_shares,
    copy_next,
    copy_own,
    score_reconstruction,
    shuffle_cells,
)


def cells(*, n_cells=10, n_genes=400, vocabulary=3_000, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.choice(np.arange(2, vocabulary), n_genes, replace=False) for _ in range(n_cells)]


def naive_distance(left, right):
    @cache
    def distance(i, j):
        if not i or not j:
            return i + j
        return min(
            distance(i - 1, j) + 1,
            distance(i, j - 1) + 1,
            distance(i - 1, j - 1) + (left[i - 1] != right[j - 1]),
        )

    return distance(len(left), len(right))


def naive_correlation(truth, named):
    rows = []
    for cell, (tokens, names) in enumerate(zip(truth, named, strict=True)):
        for side, found in (("truth", tokens), ("named", names)):
            rows += [
                (cell, token, side, place / (len(found) - 1)) for place, token in enumerate(found)
            ]
    table = pd.DataFrame(rows, columns=["cell", "token", "side", "place"])
    wide = table.pivot_table(
        index=["cell", "token"], columns="side", values="place", aggfunc="mean"
    )
    wide = wide.fillna(0)
    return spearmanr(wide["truth"], wide["named"]).statistic


def test_ten_cells_copied_with_a_shift_have_the_published_distance():
    truth = cells()

    score = score_reconstruction(truth, copy_next(truth))

    assert score.levenshtein == 11
    assert score.bleu == pytest.approx(0.99, abs=0.005)
    assert score.spearman > 0.97


def test_a_model_that_repeats_its_input_is_perfect():
    truth = cells(n_cells=3)

    score = score_reconstruction(truth, copy_own(truth))

    assert score == (0, pytest.approx(1.0), pytest.approx(1.0))


def test_knowing_the_genes_and_no_order_is_far_from_it():
    truth = cells(n_cells=3)

    score = score_reconstruction(truth, shuffle_cells(truth, rng=np.random.default_rng(0)))

    assert score.levenshtein > 1_000
    assert score.bleu < 0.05
    assert abs(score.spearman) < 0.1


def test_every_part_is_that_of_an_independent_program():
    rng = np.random.default_rng(3)
    truth = [rng.integers(2, 12, 9), rng.choice(np.arange(2, 30), 7, replace=False)]
    named = [np.where(rng.random(len(cell)) < 0.5, cell, rng.integers(2, 12)) for cell in truth]

    score = score_reconstruction(truth, named)

    whole = [np.concatenate(side).tolist() for side in (truth, named)]
    assert score.levenshtein == naive_distance(tuple(whole[0]), tuple(whole[1]))
    assert score.spearman == pytest.approx(naive_correlation(truth, named), abs=1e-12)


def test_bleu_is_that_of_a_sentence_of_words():
    truth = ["the", "gene", "of", "the", "cell", "is", "read", "once", "by", "the", "model"]
    named = ["the", "gene", "of", "the", "cell", "is", "read", "twice", "by", "a", "model"]
    tokens = {word: number for number, word in enumerate(sorted({*truth, *named}), start=2)}
    coded = [[np.array([tokens[word] for word in side])] for side in (truth, named)]

    assert score_reconstruction(*coded).bleu == pytest.approx(sentence_bleu([truth], named))


def test_nothing_in_common_is_a_bleu_of_zero_without_a_warning():
    score = score_reconstruction([np.array([2, 3, 4, 5])], [np.array([6, 7, 8, 9])])

    assert score.bleu == pytest.approx(0, abs=1e-9)
    assert score.levenshtein == 4


def test_copies_are_told_by_what_was_read_at_and_behind_a_position():
    truth = [np.array([5, 6, 7, 8]), np.array([9])]

    assert copied_shares(truth, copy_own(truth)) == (1.0, 0.0)
    assert copied_shares(truth, copy_next(truth)) == (0.0, 1.0)
    assert copied_shares(truth, [np.array([5, 7, 1, 1]), np.array([1])]) == (
        0.2,
        pytest.approx(1 / 3),
    )
