"""The page shows the scores in the Cell Ontology where there are any."""

import re
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest

from genemamba.evaluation.annotation.term_scores import score_calls
from genemamba.report.page import render_report
from genemamba.report.terms import term_table
from tests.small_ontology import CD4, NK, T, small_ontology


class HeldOut(NamedTuple):
    rows: np.ndarray
    truth: np.ndarray
    predicted: np.ndarray


@pytest.fixture
def found():
    truth = np.array(["T", "T", "NK", "rare <one>"] * 10, dtype=object)
    better = np.array(["CD4", "T", "NK", "T"] * 10, dtype=object)
    calls = {
        "ours": HeldOut(np.arange(40), truth, better),
        "majority": HeldOut(np.arange(40), truth, np.full(40, "NK", dtype=object)),
    }
    terms = {"T": T, "CD4": CD4, "NK": NK}
    return score_calls(calls, terms, small_ontology(), seed=0)


def test_every_method_has_a_row_with_its_numbers(report_data, found):
    terms = term_table(found, title=str.upper, provenance="evaluate")

    page = render_report(replace(report_data, terms=terms))

    section = page[page.index('id="terms"') : page.index('id="integration"')]
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", section))
    ours = found.scores["ours"]
    assert [row.method for row in terms.rows] == ["OURS", "MAJORITY"]
    for expected in (
        "Cell Ontology v1, 30 cells",
        "bootstrap intervals over cells",
        "10 cells are left out, whose labels mean no term: rare &lt;one&gt;",
        f"OURS {ours.precision:.3f} {ours.recall:.3f} {ours.f1:.3f}",
        f"{ours.accuracy_interval.low:.3f}\N{EN DASH}{ours.accuracy_interval.high:.3f}",
    ):
        assert expected in text
    assert '<a href="#terms">' in page


def test_without_scores_the_page_has_no_such_section(report_data):
    none = score_calls({}, {}, small_ontology(), seed=0)

    assert term_table(None, title=str, provenance="") is None
    assert term_table(none, title=str, provenance="") is None
    assert 'id="terms"' not in render_report(report_data)
