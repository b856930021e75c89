"""The type of a column is settled over its blocks, and each block then has it."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genemamba.atlas.cells import column_types
from genemamba.atlas.cells.column_types import ColumnType, type_of


def settle(*parts):
    found = type_of(parts[0])
    for part in parts[1:]:
        found = found.merge(type_of(part))
    return found, [found.cast(part) for part in parts]


def text(*values):
    return pd.Series(values, dtype=object)


def categories(values, known, *, ordered=False):
    return pd.Series(pd.Categorical(values, categories=known, ordered=ordered))


NUMBERS = [np.bool_, np.int8, np.uint8, np.int64, np.float32, np.float64]


@given(kinds=st.lists(st.sampled_from(NUMBERS), min_size=1, max_size=4))
def test_numbers_get_the_type_that_numpy_gives_them_together(kinds):
    parts = [pd.Series(np.array([0, 1], dtype=kind)) for kind in kinds]

    found, cast = settle(*parts)

    together = np.concatenate([part.to_numpy() for part in parts])
    assert found == ColumnType(kind="number", dtype=str(together.dtype))
    assert {part.dtype for part in cast} == {together.dtype}
    np.testing.assert_array_equal(np.concatenate(cast), together)


def test_text_stays_text_and_its_values_are_remembered_once():
    found, cast = settle(text("a", "b"), text("b", "c"))

    assert found.kind == "text"
    assert found.categories.tolist() == ["a", "b", "c"]
    assert [part.tolist() for part in cast] == [["a", "b"], ["b", "c"]]


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param([text("b", "a"), text("c", None)], id="missing_last"),
        pytest.param([text("b", None), text("a", "c")], id="missing_first"),
        pytest.param([text(None, None), text("b", "a"), text("c", "c")], id="nothing_first"),
    ],
)
def test_text_of_which_some_is_missing_is_categorical_in_every_block(parts):
    found, cast = settle(*parts)

    assert found.kind == "categorical"
    assert sorted(found.categories) == ["a", "b", "c"]
    for part, before in zip(cast, parts, strict=True):
        assert part.cat.categories.equals(found.categories)
        assert part.astype(object).where(part.notna(), None).tolist() == before.tolist()


def test_equal_categories_keep_their_order():
    found, cast = settle(
        categories(["hi"], ["lo", "hi"], ordered=True),
        categories(["lo"], ["lo", "hi"], ordered=True),
    )

    assert (found.categories.tolist(), found.ordered) == (["lo", "hi"], True)
    assert [part.dtype for part in cast] == [pd.CategoricalDtype(["lo", "hi"], ordered=True)] * 2


def test_other_categories_are_joined_without_an_order():
    found, cast = settle(
        categories(["b"], ["b", "a"], ordered=True), categories(["c"], ["c", "a"], ordered=True)
    )

    assert (found.categories.tolist(), found.ordered) == (["b", "a", "c"], False)
    assert [part.tolist() for part in cast] == [["b"], ["c"]]


@pytest.mark.parametrize(
    ("dtype", "values"),
    [("Int16", [1, None, 3]), ("boolean", [True, None, False])],
    ids=["integers", "booleans"],
)
def test_nullable_numbers_keep_their_gaps(dtype, values):
    column = pd.Series(values, dtype=dtype)

    found, (first, second) = settle(column[:1], column[1:])

    assert found == ColumnType(kind="nullable", dtype=dtype)
    pd.testing.assert_series_equal(pd.concat([first, second]), column)


def test_numbers_beside_text_become_text():
    found, cast = settle(pd.Series([1, 2]), text("x"), pd.Series([1.5]))

    assert found.kind == "text"
    assert [part.tolist() for part in cast] == [["1", "2"], ["x"], ["1.5"]]


def test_too_many_texts_are_not_remembered_and_a_gap_is_empty_then(monkeypatch):
    monkeypatch.setattr(column_types, "MAX_GATHERED", 3)

    found, cast = settle(text("a", "b"), text("c", "d"), text("e", None))

    assert found == ColumnType(kind="text")
    assert [part.tolist() for part in cast] == [["a", "b"], ["c", "d"], ["e", ""]]
