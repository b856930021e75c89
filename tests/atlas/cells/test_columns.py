import warnings

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import zarr

from genemamba.atlas.cells.columns import is_plain, name_changes, writable_column


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        pytest.param(pd.Series([1, "a", None]), ["1", "a", np.nan], id="mixed"),
        pytest.param(pd.Series(["x", None]), ["x", np.nan], id="missing_string"),
        pytest.param(
            pd.Series(pd.to_datetime(["2020-01-02"])), ["2020-01-02 00:00:00"], id="dates"
        ),
        pytest.param(pd.Series([[1, 2]]), ["[1, 2]"], id="lists"),
        pytest.param(pd.Series([1 + 2j]), ["(1+2j)"], id="complex"),
        pytest.param(pd.Series(pd.Categorical([1, 1.5, "a"])), ["1", "1.5", "a"], id="categories"),
        pytest.param(pd.Series(["x"], dtype="string"), ["x"], id="string_dtype"),
        pytest.param(pd.Series([1.5, None], dtype="Float32"), [1.5, np.nan], id="nullable_float"),
        pytest.param(pd.Series([True, False]), [True, False], id="bool"),
        pytest.param(pd.Series([2, None], dtype="Int8"), [2, pd.NA], id="nullable_int"),
    ],
)
def test_column_of_any_type_survives_a_round_trip_through_zarr(tmp_path, column, expected):
    obs = pd.DataFrame({"c": writable_column(column)})
    obs.index = obs.index.astype(str)
    group = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=3)
    with warnings.catch_warnings():
        # Zarr 3 warns that strings are an extension of its format.
        warnings.simplefilter("ignore")
        ad.io.write_elem(group, "obs", obs)
        read = ad.io.read_elem(group["obs"])["c"]

    pd.testing.assert_series_equal(
        read.astype(object), pd.Series(expected, index=obs.index, name="c", dtype=object)
    )


def test_names_that_cannot_be_written_are_changed_and_none_is_lost():
    assert name_changes(["a/b", "a_b", "_index", "n"]) == {
        "a/b": "a_b",
        "a_b": "a_b_",
        "_index": "index_",
        "n": "n",
    }


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        pytest.param(pd.Series([1, 2]), True, id="numbers"),
        pytest.param(pd.Series(["x", None]), True, id="text"),
        pytest.param(pd.Series(pd.Categorical([1, 2])), True, id="numeric_categories"),
        pytest.param(pd.Series(pd.to_datetime(["2020-01-02"])), False, id="dates"),
        pytest.param(pd.Series([1, "a"]), False, id="mixed"),
    ],
)
def test_numbers_and_text_are_written_as_they_are(column, expected):
    assert is_plain(column) is expected
