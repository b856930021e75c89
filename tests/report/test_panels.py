"""Points land where their coordinates say."""

from io import BytesIO

import matplotlib.image as mpimg
import numpy as np

from genemamba.keys import UNKNOWN
from genemamba.report.panels import (
    PANEL_MARGIN,
    PANEL_PIXELS,
    Mark,
    draw_panel,
    drawing_order,
    place_marks,
    unit_square,
)


def test_coordinates_fill_the_square_without_distortion():
    xy = unit_square(np.array([[10.0, 0.0], [30.0, 5.0], [20.0, 10.0]]))

    width = 1 - 2 * PANEL_MARGIN
    np.testing.assert_allclose(xy[:, 0], [PANEL_MARGIN, 1 - PANEL_MARGIN, 0.5])
    np.testing.assert_allclose(xy[:, 1], [0.5 - width / 4, 0.5, 0.5 + width / 4])


def test_a_single_cell_lies_in_the_middle():
    np.testing.assert_array_equal(unit_square(np.array([[3.0, 4.0]])), [[0.5, 0.5]])


def test_a_panel_is_transparent_but_for_its_points():
    image = mpimg.imread(BytesIO(draw_panel(np.array([[0.25, 0.75]]), ["#ff0000"])))

    assert image.shape == (PANEL_PIXELS, PANEL_PIXELS, 4)
    rows, columns = np.nonzero(image[..., 3])
    assert abs(rows.mean() / PANEL_PIXELS - 0.25) < 0.005  # 0.75 from below
    assert abs(columns.mean() / PANEL_PIXELS - 0.25) < 0.005
    np.testing.assert_allclose(image[rows.min() + 4, columns.min() + 4, :3], [1, 0, 0])
    assert len(rows) < 0.001 * image.size


def test_the_last_cell_lies_on_top():
    xy = np.full((2, 2), 0.5)

    image = mpimg.imread(BytesIO(draw_panel(xy, ["#0000ff", "#ff0000"])))

    red, _, blue, _ = image[PANEL_PIXELS // 2, PANEL_PIXELS // 2]
    assert red > blue


def test_the_unlabelled_are_drawn_first_and_each_cell_once():
    values = np.array(["B", UNKNOWN] * 50, dtype=object)

    order = drawing_order(values)

    assert sorted(order) == list(range(100))
    assert set(values[order[:50]]) == {UNKNOWN}
    assert list(order[:50]) != sorted(order[:50])


def test_numbers_stand_on_a_cell_of_their_category():
    xy = np.array([[0.1, 0.9], [0.2, 0.9], [0.9, 0.9], [0.5, 0.1]])
    values = np.array(["B", "B", "B", "T"], dtype=object)

    marks = place_marks(xy, values, {"B": 1, "T": 2, "absent": 3})

    assert marks == (Mark(1, 20.0, 10.0), Mark(2, 50.0, 90.0))
