import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genemamba.atlas.versions.row_ranges import count_ranges, read_ranges, write_ranges
from genemamba.errors import StoreError


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        pytest.param([], "", id="none"),
        pytest.param([7], "7", id="one"),
        pytest.param([2, 1, 0, 120], "0-2,120", id="runs"),
        pytest.param([0, 2, 4], "0,2,4", id="gaps"),
    ],
)
def test_rows_are_runs_of_first_and_last(rows, text):
    assert write_ranges(np.asarray(rows, dtype=np.int64)) == text


@given(st.sets(st.integers(0, 300)))
def test_any_set_of_rows_comes_back(rows):
    text = write_ranges(np.asarray(list(rows), dtype=np.int64))

    assert read_ranges(text).tolist() == sorted(rows)
    assert count_ranges(text) == len(rows)


@pytest.mark.parametrize("text", ["a", "3-1", "1,1", "5,2", "1-4,4", "1,", "-3"])
def test_text_that_is_no_ascending_runs_is_refused(text):
    with pytest.raises(StoreError, match="Expected ascending runs of rows"):
        read_ranges(text)
