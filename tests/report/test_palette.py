"""Colours follow the cells, and both label columns share theirs."""

import numpy as np

from genemamba.keys import UNKNOWN
from genemamba.report.palette import (
    CATEGORY_COLOURS,
    DARK,
    LIGHT,
    OTHER_COLOUR,
    UNKNOWN_COLOUR,
    Category,
    colour_key,
)


def cells(**counts):
    return np.repeat(np.array(list(counts), dtype=object), list(counts.values()))


def luminance(colour):
    channels = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(first, second):
    high, low = sorted((luminance(first), luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_the_largest_categories_come_first_and_the_unlabelled_last():
    key = colour_key(cells(T=3, B=5, unknown=9))

    assert key.categories == (
        Category(1, "B", CATEGORY_COLOURS[0], 5),
        Category(2, "T", CATEGORY_COLOURS[1], 3),
        Category(0, UNKNOWN, UNKNOWN_COLOUR, 9),
    )


def test_categories_beyond_the_colours_share_one():
    counts = {f"type {i:02}": 40 - i for i in range(len(CATEGORY_COLOURS) + 3)}

    key = colour_key(cells(**counts))

    assert len(key.categories) == len(CATEGORY_COLOURS) + 1
    assert key.categories[-1] == Category(0, "3 others", OTHER_COLOUR, 24 + 23 + 22)
    assert key.colour_of["type 18"] == OTHER_COLOUR
    assert "type 18" not in key.number_of


def test_a_column_like_another_takes_over_its_colours():
    key = colour_key(cells(T=9, B=1, new=2), like=cells(B=5, T=3))

    assert key.number_of == {"B": 1, "T": 2, "new": 3}
    assert [category.name for category in key.categories] == ["B", "T", "new"]


def test_every_colour_shows_on_light_and_on_dark_paper():
    """WCAG asks 3:1 of graphics; a field of points is told apart from 2:1 on."""
    for colour in (*CATEGORY_COLOURS, OTHER_COLOUR, UNKNOWN_COLOUR):
        assert min(contrast(colour, LIGHT.paper), contrast(colour, DARK.paper)) > 2, colour


def test_letters_keep_the_contrast_that_wcag_asks_of_text():
    for ink in (LIGHT, DARK):
        assert contrast(ink.text, ink.paper) > 7
        assert contrast(ink.muted, ink.paper) > 4.5
        assert contrast(ink.accent, ink.paper) > 4.5
