"""The labels of every method are scored as terms, and kept as JSON."""

from typing import NamedTuple

import numpy as np
import pytest

from genemamba.evaluation.annotation.hierarchy import score_labels
from genemamba.evaluation.annotation.term_scores import (
    read_term_scores,
    score_calls,
    write_term_scores,
)
from tests.small_ontology import CD4, CD8, NK, small_ontology

TERMS = {"helper": CD4, "cytotoxic": CD8, "killer": NK}


class HeldOut(NamedTuple):
    rows: np.ndarray
    truth: np.ndarray
    predicted: np.ndarray


@pytest.fixture
def calls():
    rng = np.random.default_rng(0)
    rows = rng.permutation(80)[:60]
    truth = rng.choice(["helper", "cytotoxic", "killer", "odd"], 60).astype(object)
    other = rng.choice(["helper", "cytotoxic", "killer", "odd"], 60).astype(object)
    return {
        "genemamba": HeldOut(rows, truth, np.where(rng.random(60) < 0.8, truth, other)),
        "majority_vote": HeldOut(rows, truth, np.full(60, "helper", dtype=object)),
    }


def test_every_method_is_scored_on_the_same_cells(calls):
    found = score_calls(calls, TERMS, small_ontology(), seed=0)

    expected = {
        name: score_labels(one.truth, one.predicted, TERMS, small_ontology(), seed=0)
        for name, one in calls.items()
    }
    assert found.scores == expected
    assert (found.release, found.labels_without_term) == ("v1", ("odd",))
    assert found.scores["genemamba"].f1 > found.scores["majority_vote"].f1
    assert found.summary()["methods"]["genemamba"]["f1"] == expected["genemamba"].f1


def test_donors_are_taken_by_row(calls):
    donors = np.repeat(["a", "b", "c", "d"], 20)

    found = score_calls(calls, TERMS, small_ontology(), seed=0, donor=donors)

    one = calls["genemamba"]
    assert found.scores["genemamba"] == score_labels(
        one.truth, one.predicted, TERMS, small_ontology(), seed=0, donor=donors[one.rows]
    )
    assert found.scores["genemamba"].interval_over == "4 donors"


def test_scores_are_read_back_as_they_were_written(calls, tmp_path):
    found = score_calls(calls, TERMS, small_ontology(), seed=0)

    write_term_scores(found, str(tmp_path / "scores.json"))

    assert read_term_scores(str(tmp_path / "scores.json")) == found


def test_without_a_term_for_any_label_nothing_is_scored(calls):
    found = score_calls(calls, {}, small_ontology(), seed=0)

    assert found.scores == {}
    assert found.labels_without_term == ("cytotoxic", "helper", "killer", "odd")
    assert score_calls({}, TERMS, small_ontology(), seed=0).scores == {}
