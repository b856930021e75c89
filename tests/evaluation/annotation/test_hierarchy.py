"""Scores in the ontology agree with sets counted by hand, and with a naive loop over cells."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score, precision_score, recall_score
from sklearn.preprocessing import MultiLabelBinarizer

from genemamba.evaluation.annotation.hierarchy import NO_TERM, score_labels, score_terms
from genemamba.ontology.graph import ROOT
from tests.small_ontology import (
    CD4,
    CD8,
    CELL,
    LEUKOCYTE,
    LYMPHOCYTE,
    MYELOID,
    NK,
    PARENTS,
    T,
    small_ontology,
)

TERMS = st.sampled_from(sorted(PARENTS))


def above(term):
    """A term and those above it, found by walking up; the root is not counted."""
    if term in (NO_TERM, ROOT):
        return set()
    return {term}.union(*(above(parent) for parent in PARENTS[term]))


def naive(truth, predicted):
    shared = sum(len(above(t) & above(p)) for t, p in zip(truth, predicted, strict=True))
    called, true = (sum(len(above(term)) for term in side) for side in (predicted, truth))
    right = sum(t == p or t in above(p) for t, p in zip(truth, predicted, strict=True))
    return shared, called, true, right


def score(truth, predicted, **options):
    return score_terms(truth, predicted, small_ontology(), seed=0, **options)


def numbers(found):
    return found.precision, found.recall, found.f1, found.accuracy


def test_a_right_term_scores_one():
    assert numbers(score([CD4, NK, MYELOID], [CD4, NK, MYELOID])) == (1, 1, 1, 1)


def test_a_sibling_is_better_than_a_stranger():
    # CD4: {CD4, T, lymphocyte, leukocyte}; CD8 adds itself and cytotoxic; myeloid {itself, leukocyte}.
    assert numbers(score([CD4], [CD8])) == (3 / 5, 3 / 4, pytest.approx(6 / 9), 0)
    assert numbers(score([CD4], [MYELOID])) == (1 / 2, 1 / 4, pytest.approx(2 / 6), 0)


def test_a_descendant_is_right_and_an_ancestor_is_not():
    below, over = score([T], [CD4]), score([CD4], [T])

    assert numbers(below) == (3 / 4, 1, pytest.approx(6 / 7), 1)
    assert numbers(over) == (1, 3 / 4, pytest.approx(6 / 7), 0)


def test_sums_are_over_cells_and_not_averages_of_cells():
    found = score([CD4, LEUKOCYTE], [CD4, MYELOID])

    assert numbers(found) == (5 / 6, 1, pytest.approx(10 / 11), 1)


def test_the_root_and_unknown_claim_nothing():
    silent = score([CD4, NK], [CD4, NO_TERM])

    assert numbers(silent) == numbers(score([CD4, NK], [CD4, CELL]))
    assert numbers(silent) == (1, 4 / 8, pytest.approx(8 / 12), 1 / 2)
    assert numbers(score([CD4], [NO_TERM])) == (0, 0, 0, 0)


def test_cells_without_an_authors_term_are_counted_and_left_out():
    found = score([CD4, NO_TERM, NO_TERM], [CD4, CD4, NO_TERM])

    assert (found.n, found.n_without_term, found.release) == (1, 2, "v1")
    assert numbers(found) == (1, 1, 1, 1)
    assert found.implementation.startswith("genemamba-atlas@")


def test_without_any_authors_term_there_is_nothing_to_score():
    with pytest.raises(ValueError, match="an author's term for one cell or more, found none"):
        score([NO_TERM], [CD4])


def test_labels_are_scored_by_the_terms_that_they_mean():
    terms = {"helper": CD4, "T": T, "killer": NK}

    found = score_labels(
        ["T", "killer", "odd", "T"], ["helper", "odd", "T", "unknown"], terms, small_ontology(), seed=0
    )  # fmt: skip

    assert numbers(found) == numbers(score([T, NK, T], [CD4, NO_TERM, NO_TERM]))
    assert (found.n, found.n_without_term) == (3, 1)


@settings(max_examples=60)
@given(st.lists(st.tuples(TERMS.filter(lambda t: t != CELL), TERMS | st.just(NO_TERM)), min_size=1))
def test_any_cells_agree_with_sets_counted_one_by_one(pairs):
    truth, predicted = map(list, zip(*pairs, strict=True))

    found = score(truth, predicted, n_resamples=2)

    shared, called, true, right = naive(truth, predicted)
    assert found.precision == pytest.approx(shared / called if called else 0)
    assert found.recall == pytest.approx(shared / true)
    assert found.f1 == pytest.approx(2 * shared / (called + true))
    assert found.accuracy == pytest.approx(right / len(pairs))
    # Accuracy is never above recall's best case, and all lie between 0 and 1.
    assert all(0 <= value <= 1 for value in numbers(found))


def test_scores_are_scikit_learns_over_the_sets_of_terms():
    rng = np.random.default_rng(0)
    ids = sorted(set(PARENTS) - {CELL})
    truth, predicted = rng.choice(ids, 200), rng.choice(ids, 200)
    binary = MultiLabelBinarizer(classes=ids).fit([])
    Y, Z = (binary.transform([above(term) for term in side]) for side in (truth, predicted))

    found = score(truth, predicted)

    assert found.precision == pytest.approx(precision_score(Y, Z, average="micro"))
    assert found.recall == pytest.approx(recall_score(Y, Z, average="micro"))
    assert found.f1 == pytest.approx(f1_score(Y, Z, average="micro"))


def test_intervals_resample_cells_or_whole_donors():
    rng = np.random.default_rng(1)
    donors = np.repeat(["a", "b", "c", "d"], 100)
    # Two donors are called right, two wrong: between donors accuracy varies more than between cells.
    truth = np.full(400, CD4)
    predicted = np.where(np.isin(donors, ["a", "b"]), CD4, NK)
    predicted[rng.choice(400, 40)] = LYMPHOCYTE

    cells, groups = score(truth, predicted), score(truth, predicted, donor=donors)

    assert numbers(cells) == numbers(groups)
    assert (cells.interval_over, groups.interval_over) == ("cells", "4 donors")
    for found in (cells, groups):
        assert found.accuracy_interval.low < found.accuracy < found.accuracy_interval.high
        assert found.f1_interval.low < found.f1 < found.f1_interval.high
    # Standard error of a share of cells: sqrt(p (1 - p) / n), 95 % within 1.96 of them.
    p = cells.accuracy
    width = cells.accuracy_interval.high - cells.accuracy_interval.low
    assert width == pytest.approx(2 * 1.96 * np.sqrt(p * (1 - p) / 400), rel=0.1)
    assert groups.accuracy_interval.high - groups.accuracy_interval.low > 3 * width
    assert score(truth, predicted, donor=np.where(donors == "a", "a", "b")) == cells
    assert score(truth, predicted, donor=donors) == groups
