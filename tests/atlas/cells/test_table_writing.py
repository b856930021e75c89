"""A table that is written in blocks is the table that anndata reads."""

import warnings

import numpy as np
import pandas as pd
import pytest
import zarr
from anndata.io import read_elem

from genemamba.atlas.cells import table_writing
from genemamba.atlas.cells.table_writing import write_table

pytestmark = pytest.mark.filterwarnings("ignore::zarr.errors.ZarrUserWarning")

N_OBS, SIZE = 11, 4
FRAME = pd.DataFrame(
    {
        "n": np.arange(N_OBS, dtype=np.int16),
        "share": np.linspace(0, 1, N_OBS, dtype=np.float32),
        "flag": np.arange(N_OBS) % 2 == 0,
        "text": [f"é{i}" * (i % 3) for i in range(N_OBS)],
        "type": pd.Categorical(["B", None] * 5 + ["T"], categories=["T", "never", "B"]),
        "stage": pd.Categorical(["lo"] * 10 + ["hi"], categories=["lo", "hi"], ordered=True),
        "lane": pd.Categorical([3, 1] * 5 + [2]),
        "age": pd.array([1, None] * 5 + [2], dtype="Int8"),
        "doublet": pd.array([True, None] * 5 + [False], dtype="boolean"),
    },
    index=[f"cell{i}" for i in range(N_OBS)],
)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(table_writing, "CELLS_PER_CHUNK", SIZE)


def write(folder, frame):
    group = zarr.open_group(folder, mode="w", zarr_format=3)
    with warnings.catch_warnings():
        # Zarr 3 warns that strings are an extension of its format.
        warnings.simplefilter("ignore")
        blocks = (frame.iloc[low : low + SIZE] for low in range(0, len(frame), SIZE))
        write_table(group, "obs", blocks, n_obs=len(frame))
    return zarr.open_group(folder, mode="r")["obs"]


def test_columns_of_every_type_are_read_by_anndata_as_they_were(tmp_path):
    found = read_elem(write(tmp_path / "a.zarr", FRAME))

    pd.testing.assert_frame_equal(found, FRAME, check_index_type=False)


def test_a_table_of_names_alone_is_a_table(tmp_path):
    assert read_elem(write(tmp_path / "a.zarr", FRAME[[]])).index.tolist() == FRAME.index.tolist()


def test_chunks_hold_so_many_cells(tmp_path):
    obs = write(tmp_path / "a.zarr", FRAME)

    assert {obs[name].chunks for name in ("_index", "n", "type/codes", "age/mask")} == {(SIZE,)}
    small = write(tmp_path / "b.zarr", FRAME[:2])
    assert small["n"].chunks == (2,)


@pytest.mark.parametrize("name", ["n", "text", "type/codes", "age/values"])
def test_a_flipped_bit_is_an_error(tmp_path, name):
    obs = write(tmp_path / "a.zarr", FRAME)
    chunk = tmp_path / "a.zarr" / "obs" / name / "c" / "1"
    content = bytearray(chunk.read_bytes())
    content[len(content) // 2] ^= 4
    chunk.write_bytes(content)

    with pytest.raises(ValueError, match="checksum"):
        obs[name][:]
