"""A cell is called the most specific term that its probabilities are sure of."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genemamba.annotation.roll_up import TermLevels
from genemamba.keys import UNKNOWN
from genemamba.ontology.tables import load_ontology
from tests.small_ontology import (
    CD4,
    CD8,
    CYTOTOXIC,
    LEUKOCYTE,
    LYMPHOCYTE,
    MYELOID,
    NK,
    T,
    small_ontology,
)

CLASSES = ("cd4", "cd8", "mono", "nk", "odd")
TERMS = {"cd4": CD4, "cd8": CD8, "mono": MYELOID, "nk": NK}


@pytest.fixture(scope="module")
def levels():
    return TermLevels.above(CLASSES, TERMS, small_ontology())


def test_the_levels_of_a_head_are_its_terms_and_those_above_the_specific_first(levels):
    assert set(levels.term_ids) == {CD4, CD8, NK, MYELOID, T, CYTOTOXIC, LYMPHOCYTE, LEUKOCYTE}
    assert levels.term_ids[-2:] == (LYMPHOCYTE, LEUKOCYTE)
    assert levels.labels[-1] == "leukocyte"


@pytest.mark.parametrize(
    ("probabilities", "threshold", "term", "confidence"),
    [
        ([0.95, 0.05, 0, 0, 0], 0.9, CD4, 0.95),
        ([0.50, 0.45, 0, 0.05, 0], 0.9, T, 0.95),
        ([0.40, 0.20, 0, 0.35, 0.05], 0.9, LYMPHOCYTE, 0.95),
        ([0.40, 0.20, 0.3, 0.05, 0.05], 0.9, LEUKOCYTE, 0.95),
        ([0.40, 0.20, 0.1, 0.05, 0.25], 0.9, UNKNOWN, 0.0),
        # Both ways up from the killers: cytotoxic cells are fewer kinds than lymphocytes.
        ([0.0, 0.5, 0, 0.5, 0], 0.9, CYTOTOXIC, 1.0),
        # Counted once, though two ways lead from the cytotoxic T cell to the leukocyte.
        ([0.0, 0.6, 0, 0, 0.4], 0.7, UNKNOWN, 0.0),
        ([0.0, 0.6, 0, 0, 0.4], 0.6, CD8, 0.6),
        ([1 / 3, 1 / 3, 0, 1 / 3, 0], 1.0, LYMPHOCYTE, 1.0),
        ([0, 0, 0, 0, 1.0], 0.9, UNKNOWN, 0.0),
    ],
    ids=[
        *("leaf", "siblings", "uncle", "far", "too far", "two ways", "once", "at the threshold"),
        *("sure of all", "label without a term"),
    ],
)
def test_a_cell_is_called_the_deepest_term_that_is_sure(
    levels, probabilities, threshold, term, confidence
):
    found = levels.roll_up(np.array([probabilities]), threshold=threshold)

    assert found.term_ids.tolist() == [term]
    assert found.labels.tolist() == [UNKNOWN if term == UNKNOWN else small_ontology().label(term)]
    assert found.confidence == pytest.approx([confidence])


@settings(max_examples=60)
@given(
    st.lists(st.integers(0, 20), min_size=5, max_size=5).filter(any),
    st.floats(0.501, 1),
)
def test_any_probabilities_agree_with_sums_over_the_labels_below(counts, threshold):
    ontology = small_ontology()
    levels = TermLevels.above(CLASSES, TERMS, ontology)
    p = np.array(counts) / sum(counts)

    found = levels.roll_up(p[None], threshold=threshold)

    sums = {
        term: sum(
            p[i] for i, name in enumerate(CLASSES) if term in {TERMS.get(name)} | (
                ontology.ancestors(TERMS[name]) if name in TERMS else set()
            )
        )
        for term in levels.term_ids
    }  # fmt: skip
    sure = {term for term, total in sums.items() if total >= threshold - 1e-9}
    (term,) = found.term_ids
    if not sure:
        assert (term, found.confidence[0]) == (UNKNOWN, 0)
        return
    assert term in sure
    assert found.confidence[0] == pytest.approx(sums[term])
    assert not sure & ontology.descendants(term)


def test_a_higher_threshold_never_gives_a_more_specific_term(levels):
    ontology = small_ontology()
    probabilities = np.random.default_rng(0).dirichlet(np.full(5, 0.3), 200)

    terms = [levels.roll_up(probabilities, threshold=t).term_ids for t in (0.6, 0.8, 0.95)]

    information = np.array(
        [[0 if t == UNKNOWN else ontology.information(t) for t in column] for column in terms]
    )
    assert (np.diff(information, axis=0) <= 0).all()


@pytest.mark.parametrize("threshold", [0.5, 0.0, 1.1, float("nan")])
def test_a_threshold_that_leaves_two_kinds_possible_is_refused(levels, threshold):
    with pytest.raises(ValueError, match=r"above 0\.5 and not above 1"):
        levels.roll_up(np.full((1, 5), 0.2), threshold=threshold)


def test_a_head_without_terms_leaves_every_cell_unknown():
    levels = TermLevels.above(("a", "b"), {}, small_ontology())

    found = levels.roll_up(np.array([[1.0, 0.0]]), threshold=0.9)

    assert (levels.term_ids, found.labels.tolist()) == ((), [UNKNOWN])


def test_two_labels_of_one_term_are_sure_together():
    levels = TermLevels.above(("T", "T cells"), {"T": T, "T cells": T}, small_ontology())

    found = levels.roll_up(np.array([[0.5, 0.5]]), threshold=0.9)

    assert (found.term_ids[0], found.confidence[0]) == (T, 1.0)


def test_t_cells_of_blood_meet_in_the_cell_ontology():
    terms = {"B": "CL:0000236", "CD4 T": "CL:0000624", "CD8 T": "CL:0000625", "NK": "CL:0000623"}
    levels = TermLevels.above(tuple(terms), terms, load_ontology())

    found = levels.roll_up(
        np.array([[0.02, 0.5, 0.46, 0.02], [0.3, 0.3, 0.3, 0.1], [0.97, 0.01, 0.01, 0.01]]),
        threshold=0.9,
    )

    assert found.labels.tolist() == ["mature alpha-beta T cell", "lymphocyte", "B cell"]
