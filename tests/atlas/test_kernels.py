import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genemamba.atlas.kernels import ValueTally, clean_values, is_canonical

VALUES = st.one_of(
    st.integers(0, 50).map(float),
    st.sampled_from([-1.0, -1e-9, 0.5, np.nan, np.inf, -np.inf, 3 - 1e-12, 1e300, 9_999.9999]),
)


def naive_tally(values):
    tally, cleaned = (
        dict.fromkeys(["rounded", "zeros", "negative", "non_finite", "fractional"], 0),
        [],
    )
    for value in values:
        if not np.isfinite(value):
            tally["non_finite"] += 1
            cleaned.append(value)
            continue
        near = abs(value - round(value)) <= 1e-6 * min(max(abs(value), 1.0), 1e4)
        tally["rounded"] += near and value != round(value)
        value = float(round(value)) if near else value
        if value < 0:
            tally["negative"] += 1
        elif value == 0:
            tally["zeros"] += 1
        elif value != round(value):
            tally["fractional"] += 1
        cleaned.append(value)
    return tally, cleaned


@given(values=st.lists(VALUES, max_size=20))
def test_values_are_rounded_and_tallied_as_one_by_one(values):
    data = np.array(values)
    expected, cleaned = naive_tally(values)

    tally = clean_values(data)

    np.testing.assert_array_equal(data, cleaned)
    assert {name: getattr(tally, name) for name in expected} == expected
    whole = [
        value for value in cleaned if np.isfinite(value) and value >= 0 and value == round(value)
    ]
    assert tally.largest == max(whole, default=0.0)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_plain_counts_are_left_as_they_are(dtype):
    data = np.array([1, 2, 255], dtype=dtype)

    assert clean_values(data) == ValueTally(largest=255.0)
    assert data.tolist() == [1, 2, 255]


@pytest.mark.parametrize(
    ("indices", "data", "expected"),
    [
        pytest.param([0, 2, 1], [1, 1, 1], True, id="rising_in_each_row"),
        pytest.param([2, 0, 1], [1, 1, 1], False, id="falling"),
        pytest.param([1, 1, 1], [1, 1, 1], False, id="repeated"),
        pytest.param([0, 2, 1], [1, 0, 1], False, id="stored_zero"),
    ],
)
def test_rows_are_canonical_where_columns_rise_and_no_zero_is_stored(indices, data, expected):
    indptr = np.array([0, 2, 3], dtype=np.int32)

    assert is_canonical(indptr, np.array(indices, dtype="i4"), np.array(data, "f4")) is expected
