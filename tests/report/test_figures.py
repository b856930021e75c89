"""Charts say what the numbers say, in letters that can be searched."""

import xml.etree.ElementTree as ET

import matplotlib as mpl
import numpy as np
import pytest

from genemamba.evaluation.annotation.scores import Confusion
from genemamba.report.data import Certainty, TrainingPoint
from genemamba.report.figures import (
    MAX_COUNTED_TYPES,
    draw_certainty,
    draw_confusion,
    draw_training_curve,
)
from genemamba.report.palette import DARK, LIGHT

SVG = "{http://www.w3.org/2000/svg}"


def texts(svg):
    return [node.text for node in ET.fromstring(svg).iter(f"{SVG}text")]


def confusion(n_types):
    names = tuple(f"type {i}" for i in range(n_types))
    counts = np.diag(np.arange(n_types) + 100)
    counts[0, 1] = 7
    return Confusion(truth=names, predicted=(*names, "Mono"), counts=np.c_[counts, counts[:, 0]])


def test_a_confusion_matrix_names_types_and_writes_its_counts():
    shown = texts(draw_confusion(confusion(3), LIGHT))

    for expected in ("type 0", "type 2", "Mono", "100", "101", "102", "7", "Predicted", "Author"):
        assert expected in shown
    assert "0" not in shown


def test_counts_of_many_types_are_left_out():
    shown = texts(draw_confusion(confusion(MAX_COUNTED_TYPES + 1), LIGHT))

    assert "101" not in shown
    assert f"type {MAX_COUNTED_TYPES}" in shown


def test_shades_are_shares_of_a_row_and_not_counts():
    def fills(scale):
        matrix = confusion(3)
        grown = Confusion(
            truth=matrix.truth,
            predicted=matrix.predicted,
            counts=matrix.counts * np.array([[1], [scale], [1]]),
        )
        svg = draw_confusion(grown, LIGHT).decode()
        return [part.split('"')[0].split(";")[0] for part in svg.split('style="fill: ')[1:]]

    assert fills(1) == fills(9)


def certainty(**changed):
    shown = {
        "coverage": np.array([0.2, 0.8, 1.0]),
        "risk": np.array([0.0, 0.03, 0.1]),
        "area": 0.05,
        "target": 0.05,
        "point": (0.8, 0.03),
        "judged": "100 labelled cells",
        "facts": (),
        "reasons": (),
    }
    return Certainty(**shown | changed)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, {"80% of the cells, 3.0% wrong", "target 0.05"}),
        ({"target": None}, {"80% of the cells, 3.0% wrong"}),
        ({"point": None}, {"target 0.05"}),
        ({"coverage": np.empty(0), "risk": np.empty(0), "point": None}, {"target 0.05"}),
    ],
    ids=["target and point", "no target", "no point", "no curve"],
)
def test_risk_by_coverage_marks_the_operating_point_and_the_target(changed, expected):
    shown = set(texts(draw_certainty(certainty(**changed), DARK)))

    assert {
        text for text in shown if ("wrong" in text and "%" in text) or "target" in text
    } == expected


def test_a_curve_ends_in_its_running_mean():
    history = [TrainingPoint(step, 2.5) for step in range(1, 101)]

    shown = texts(draw_training_curve(history, LIGHT))

    assert "2.50" in shown
    assert "Step" in shown


def test_a_curve_of_one_step_can_be_drawn():
    assert "1.25" in texts(draw_training_curve([TrainingPoint(1, 1.25)], LIGHT))


@pytest.mark.parametrize("ink", [LIGHT, DARK], ids=["light", "dark"])
def test_equal_data_give_equal_bytes_and_leave_matplotlib_as_it_was(ink):
    before = dict(mpl.rcParams)
    history = [TrainingPoint(step, 1 / step) for step in range(1, 9)]

    assert draw_training_curve(history, ink) == draw_training_curve(history, ink)
    assert draw_confusion(confusion(3), ink) == draw_confusion(confusion(3), ink)
    assert dict(mpl.rcParams) == before


def test_charts_use_the_pages_letters_and_ink():
    svg = draw_confusion(confusion(3), DARK).decode()

    assert "DejaVu" not in svg
    assert "system-ui" in svg
    assert DARK.text in svg
    assert LIGHT.text not in svg
