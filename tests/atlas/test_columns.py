import warnings

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import zarr

from genemamba.atlas.columns import writable_column, writable_table


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


def test_renamed_and_stringified_columns_are_noted():
    table = pd.DataFrame({"a/b": [1], "when": pd.to_datetime(["2020-01-02"]), "n": ["x"]})

    result = writable_table(table)

    assert list(result.table) == ["a_b", "when", "n"]
    assert result.notes == [
        "Column 'a/b' is kept as 'a_b'.",
        "Column 'when' (datetime64[ns]) is kept as strings.",
    ]


def test_names_that_cannot_be_written_are_changed_and_none_is_lost():
    table = pd.DataFrame([[1, 2, 3]], columns=["a/b", "a_b", "_index"])

    result = writable_table(table)

    assert result.table.to_dict("list") == {"a_b": [1], "a_b_": [2], "index_": [3]}
    assert len(result.notes) == 3
