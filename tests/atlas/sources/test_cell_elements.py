"""Tables of cells in blocks, in every encoding of AnnData, against anndata's own reader."""

import itertools
import pickle
import warnings

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest
import zarr
from anndata.io import read_elem, write_elem

from genemamba.atlas.sources.cell_elements import iterate_blocks, open_cell_table
from genemamba.errors import SourceError

pytestmark = pytest.mark.filterwarnings("ignore::zarr.errors.ZarrUserWarning")

N_OBS = 11
TEXT = h5py.string_dtype()


def take(values):
    return list(itertools.islice(itertools.cycle(values), N_OBS))


COLUMNS = {
    "bool": np.array(take([True, False])),
    "float32": np.arange(N_OBS, dtype=np.float32) / 3,
    "float with NaN": np.array(take([1.5, np.nan])),
    "int8": np.arange(N_OBS, dtype=np.int8) - 5,
    "uint16": np.arange(N_OBS, dtype=np.uint16),
    "int64": np.arange(N_OBS) * 2**40,
    "text": np.array(take(["a", "b é", ""]), dtype=object),
    "categories": pd.Categorical(take(["T", "B", None]), categories=["T", "never", "B"]),
    "ordered": pd.Categorical(take(["lo", "hi"]), categories=["lo", "mid", "hi"], ordered=True),
    "numeric categories": pd.Categorical(take([3, 1, 2])),
    "boolean categories": pd.Categorical(take([True, None, False])),
    "nullable int": pd.array(take([1, None, 3]), dtype="Int16"),
    "nullable bool": pd.array(take([True, None, False]), dtype="boolean"),
}
NAMES = [f"cell{i}" for i in range(N_OBS)]


def write_table(path, table, *, zarr_format):
    with ad.settings.override(allow_write_nullable_strings=True), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if zarr_format is None:
            with h5py.File(path, "w") as file:
                write_elem(file, "obs", table)
        else:
            write_elem(zarr.open_group(path, mode="w", zarr_format=zarr_format), "obs", table)
    return path


def read_whole(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if path.is_dir():
            return read_elem(zarr.open_group(path, mode="r")["obs"])
        with h5py.File(path, "r") as file:
            return read_elem(file["obs"])


def assert_reads_as_anndata(path):
    expected = read_whole(path)
    expected.index = expected.index.astype(str).astype(object).rename(None)
    table = pickle.loads(pickle.dumps(open_cell_table(path, "obs")))
    assert (table.n_obs, table.columns) == (len(expected), tuple(expected.columns))
    for size in (1, 4, N_OBS):
        for start, stop in iterate_blocks(table.n_obs, size=size):
            found = table.rows(start, stop)
            pd.testing.assert_frame_equal(found, expected.iloc[start:stop])


@pytest.mark.parametrize("zarr_format", [None, 2, 3], ids=["h5ad", "zarr_v2", "zarr_v3"])
@pytest.mark.parametrize("name", COLUMNS)
def test_blocks_of_a_column_are_anndatas_own(tmp_path, zarr_format, name):
    table = pd.DataFrame({name: COLUMNS[name]}, index=NAMES)
    assert_reads_as_anndata(write_table(tmp_path / "table", table, zarr_format=zarr_format))


@pytest.mark.parametrize("zarr_format", [None, 3], ids=["h5ad", "zarr_v3"])
def test_nullable_text_is_text_with_gaps(tmp_path, zarr_format):
    texts = pd.array(take(["x", None, ""]), dtype="string")
    path = write_table(
        tmp_path / "table", pd.DataFrame({"site": texts}, index=NAMES), zarr_format=zarr_format
    )

    found = open_cell_table(path, "obs").rows(1, 6)["site"]

    assert found.isna().tolist() == [True, False, False, True, False]
    assert found.dropna().tolist() == ["", "x", ""]


@pytest.mark.parametrize(
    "index",
    [
        pytest.param(pd.Index(NAMES, name="barcode"), id="named"),
        pytest.param(pd.Index(range(5, 5 + N_OBS)), id="numbers"),
        pytest.param(pd.array(NAMES, dtype="string"), id="nullable text"),
    ],
)
def test_names_of_cells_are_text_in_whatever_type_they_are_kept(tmp_path, index):
    table = pd.DataFrame({"n": np.arange(N_OBS)}, index=pd.Index(index))
    path = write_table(tmp_path / "table", table, zarr_format=None)

    found = open_cell_table(path, "obs").rows(2, 5).index

    assert found.tolist() == [str(name) for name in list(index)[2:5]]
    assert all(type(name) is str for name in found)


@pytest.fixture
def old_file(tmp_path):
    """Write a table as anndata 0.7 did: codes that refer to categories in a group of their own."""
    path = tmp_path / "old.h5ad"
    with h5py.File(path, "w") as file:
        group = file.create_group("obs")
        group.attrs.update({"encoding-type": "dataframe", "encoding-version": "0.1.0"})
        group.attrs["_index"] = "index"
        group.attrs["column-order"] = np.array(["stage", "lane", "flag", "site"], dtype=TEXT)
        group.create_dataset("index", data=NAMES, dtype=TEXT)
        stage = group.create_dataset("__categories/stage", data=["lo", "hi"], dtype=TEXT)
        lane = group.create_dataset("__categories/lane", data=[3, 8])
        for name, categories, ordered in (("stage", stage, True), ("lane", lane, False)):
            categories.attrs["ordered"] = ordered
            codes = np.array(take([1, 0, -1]), dtype="i1")
            group.create_dataset(name, data=codes).attrs["categories"] = categories.ref
        group["flag"] = np.array(take([True, False]))
        group.create_dataset("site", data=take(["gut", "lung"]), dtype=TEXT)
    return path


def test_blocks_of_a_table_of_anndata_0_7_are_anndatas_own(old_file):
    assert read_whole(old_file)["stage"].cat.ordered
    assert_reads_as_anndata(old_file)


def test_text_of_fixed_length_is_text(old_file):
    with h5py.File(old_file, "r+") as file:
        del file["obs/site"]
        file["obs/site"] = np.array(take(["gut", "lung"]), dtype="S")

    assert open_cell_table(old_file, "obs").rows(0, 2)["site"].tolist() == ["gut", "lung"]


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        pytest.param(lambda file: file.pop("site"), "no column 'site' in obs", id="no column"),
        pytest.param(
            lambda file: (file.pop("flag"), file.create_dataset("flag", data=[True])),
            f"1 values of 'flag' beside {N_OBS} names",
            id="short column",
        ),
        pytest.param(lambda file: file.pop("__categories"), "__categories", id="no categories"),
        pytest.param(lambda file: file.pop("index"), "index", id="no names"),
    ],
)
def test_a_damaged_table_is_refused(old_file, damage, found):
    with h5py.File(old_file, "r+") as file:
        damage(file["obs"])

    with pytest.raises(SourceError, match=rf"old\.h5ad.*{found}"):
        open_cell_table(old_file, "obs").rows(0, N_OBS)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda file: file.pop("obs"), id="nothing"),
        pytest.param(lambda file: file["obs"].attrs.pop("column-order"), id="plain group"),
        pytest.param(
            lambda file: (file.pop("obs"), file.create_dataset("obs", data=[1])), id="array"
        ),
    ],
)
def test_what_is_no_group_of_columns_is_none(old_file, change):
    with h5py.File(old_file, "r+") as file:
        change(file)

    assert open_cell_table(old_file, "obs") is None


@pytest.mark.parametrize(
    ("n_obs", "size", "expected"),
    [(0, 3, []), (2, 3, [(0, 2)]), (6, 3, [(0, 3), (3, 6)]), (7, 3, [(0, 3), (3, 6), (6, 7)])],
    ids=["none", "one", "whole", "rest"],
)
def test_blocks_cover_all_cells_in_order(n_obs, size, expected):
    assert list(iterate_blocks(n_obs, size=size)) == expected
